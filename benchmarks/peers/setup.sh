#!/usr/bin/env bash
# Environments of the peers, one each, beside ours: benchmarks/peers/setup.sh [maxfuse scglue scvi scmodal uniport]
# torch first, at its pinned version: a plain CPU build serves, and what a peer asks for is then there.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${CROSSTIE_PEERS:-.peers}
make_env() { # name, then requirements
  local name=$1
  shift
  [ -e "$root/$name/.ready" ] && return
  "${PYTHON:-python3}" -m venv "$root/$name"
  "$root/$name/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 "$@"
  touch "$root/$name/.ready"
}
for peer in "${@:-maxfuse scglue scvi scmodal}"; do
  for name in $peer; do
    case $name in
      maxfuse) make_env maxfuse maxfuse==0.0.2 "pynndescent==0.5.13" "anndata<0.11" "numpy<2" "scipy<1.14" "pandas<2.3" igraph leidenalg ;;
      scglue) make_env scglue scglue==0.4.1 "pynndescent<0.6" "anndata<0.11" "numpy<2" "scipy<1.14" "pandas<2.3" ;;
      scvi) make_env scvi scvi-tools==1.4.2 ;;
      scmodal) make_env scmodal scanpy annoy umap-learn "pynndescent<0.6" ;; # its code comes from $SCMODAL_PATH
      uniport) make_env uniport uniport==1.3 "anndata<0.11" "numpy<2" "scipy<1.14" "pandas<2.3" ;;
      *) echo "unknown peer: $name" >&2; exit 2 ;;
    esac
  done
done
