#!/bin/sh
# Installs the given Debian packages where they are missing, with sudo when not root. A no-op when all are there.
# SPDX-License-Identifier: Apache-2.0
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && { echo "all packages are installed"; exit 0; }
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo"
echo "installing:$missing"
$as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing
