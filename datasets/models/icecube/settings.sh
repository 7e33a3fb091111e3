# What train.sh and ablation.sh share: samples, and how networks are trained on them. LEVEL1_TRAIN and so on in the environment
# make a quick try of it.
# SPDX-License-Identifier: Apache-2.0
train_seed=11
level1_train=${LEVEL1_TRAIN:-60000}
level1_test=${LEVEL1_TEST:-64000}
level1_test_seed=14
level0_train=${LEVEL0_TRAIN:-20000}
level0_test=${LEVEL0_TEST:-6000}
in_frame="-s graph.seed=pandel -s graph.columns=along,side,up,distance,residual,late,q,hlc,z,count,x,y,t,t50"
level1_common="--task signal -s train.epochs=4 -s train.learning_rate=0.002 $in_frame"
level1_training="$level1_common -s classify.architecture=models/icecube/direction.yaml"
