# docker build --tag crosstie .
# docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" crosstie integrate rna=rna.h5ad adt=adt.h5ad --out run
#
# All extras are installed. torch, which only training needs, is the build for CPUs; for a GPU, give the index of its CUDA
# version:
# docker build --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 --tag crosstie:cuda .
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH=2.13.0
COPY constraints.txt /tmp/constraints.txt
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --index-url "${TORCH_INDEX}" "torch==${TORCH}" \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt "$(ls /tmp/wheels/*.whl)[all]" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home --uid 1000 crosstie \
    && mkdir /data && chown crosstie /data
# Compiled functions and fetched data sets are kept where any user may write.
ENV NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib CROSSTIE_CACHE=/tmp/crosstie
USER crosstie
WORKDIR /data
ENTRYPOINT ["crosstie"]
CMD ["--help"]
