# What train.sh and ablation.sh share: samples, and how networks are trained on them. LEVEL1_TRAIN and so on in the environment
# make a quick try of it.
# SPDX-License-Identifier: Apache-2.0
train_seed=11
level1_train=${LEVEL1_TRAIN:-120000}
level1_test=${LEVEL1_TEST:-64000}
level1_test_seed=14
ablation_train=${ABLATION_TRAIN:-30000}
ablation_test=${ABLATION_TEST:-40000}
level0_train=${LEVEL0_TRAIN:-60000}
level0_test=${LEVEL0_TEST:-16000}
level0_test_seed=13
in_frame="-s graph.seed=pandel -s graph.columns=along,side,up,distance,residual,late,q,hlc,z,count,x,y,t,t50"
twice="-s train.learning_rate=0.002 -s classify.architecture=models/icecube/direction.yaml"
level1_training="--task signal -s train.epochs=5 $twice $in_frame"
events_training="--task signal,class,energy,quantiles,vertex -s train.epochs=6 $twice $in_frame"
# places and lateness first: the designs with edges look for neighbours in the first four columns
ablation_training="--task signal -s train.epochs=3 -s train.learning_rate=0.002 -s graph.seed=pandel -s graph.columns=along,side,up,late,distance,residual,q,hlc,z,count,x,y,t,t50"
