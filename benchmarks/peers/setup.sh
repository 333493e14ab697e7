#!/usr/bin/env bash
# Environments of the peers, one each, beside ours: benchmarks/peers/setup.sh [maxfuse scglue scvi uniport moscot scmodal]
# torch first, at its pinned version: a plain CPU build serves, and what a peer asks for is then there. All further
# versions are those of versions/NAME.txt; a peer that cannot be installed is said and skipped.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${CROSSTIE_PEERS:-$here/../../.peers}
status=0
for name in ${@:-maxfuse scglue scvi uniport moscot scmodal}; do
  case $name in
    maxfuse) packages="maxfuse==0.0.2 pynndescent==0.5.13" ;;
    scglue) packages="scglue==0.4.1 scikit-misc" ;;
    scvi) packages="scvi-tools==1.4.2 scanpy pynndescent<0.6" ;;
    uniport) packages="uniport==1.3" ;;
    moscot) packages="moscot==0.5.2" ;;
    scmodal) packages="scanpy annoy umap-learn" ;; # what the authors' code imports; the code itself is at $SCMODAL_PATH
    *) echo "unknown peer: $name" >&2; exit 2 ;;
  esac
  [ -e "$root/$name/.ready" ] && continue
  pip=("$root/$name/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/versions/$name.txt")
  if "${PYTHON:-python3}" -m venv "$root/$name" && "${pip[@]}" torch==2.13.0 && "${pip[@]}" $packages; then
    touch "$root/$name/.ready"
  else
    echo "$name: not installed (see above); the tables leave it out" >&2
    status=1
  fi
done
exit $status
