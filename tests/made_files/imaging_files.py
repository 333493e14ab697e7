"""Writes tables of segmented images in the layouts of mcmicro, QuPath, CellProfiler and steinbock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from made_files.fcs_files import write_fcs

MARKERS = ["CD3", "CD19", "PanCK"]
HALVES = {"left": slice(0, 20), "right": slice(20, 40)}


def cells(n_cells=40, seed=0):
    """Return intensities (n_cells × markers), DNA, centroids in pixels and areas."""
    rng = np.random.default_rng(seed)
    x = rng.gamma(1.0, 40.0, (n_cells, len(MARKERS))).round(3)
    return (
        x,
        rng.gamma(5.0, 100.0, n_cells).round(3),
        rng.uniform(0, 500, (n_cells, 2)).round(2),
        rng.integers(20, 90, n_cells),
    )


def write_mcmicro(path, x, dna, xy, area, *, sep=","):
    table = pd.DataFrame({"CellID": np.arange(1, len(x) + 1), "DNA_1": dna})
    table[MARKERS] = x
    table["X_centroid"], table["Y_centroid"], table["Area"] = xy[:, 0], xy[:, 1], area
    table["Eccentricity"] = 0.5
    table.to_csv(path, index=False, sep=sep)


def write_qupath(path, x, dna, xy, area, *, image="slide.ome.tif", encoding="utf-8", sep="\t", annotations=0):
    table = pd.DataFrame({"Image": image, "Object ID": [f"uuid-{image}-{i}" for i in range(len(x))]})
    table["Object type"], table["Name"], table["Classification"] = "Cell", np.nan, ["Tumor", "Stroma"] * (len(x) // 2)
    table["Parent"], table["ROI"] = "Annotation", "Polygon"
    table["Centroid X µm"], table["Centroid Y µm"] = xy[:, 0] / 2, xy[:, 1] / 2
    table["Nucleus: Area µm^2"], table["Nucleus/Cell area ratio"] = area / 4, 0.4
    table["Nucleus: DAPI mean"], table["Cell: DAPI mean"] = dna, dna
    for j, marker in enumerate(MARKERS):
        table[f"Nucleus: {marker} mean"], table[f"Nucleus: {marker} max"] = x[:, j] / 2, x[:, j] * 2
        table[f"Cell: {marker} mean"], table[f"Cell: {marker} std dev"] = x[:, j], 1.0
    extra = pd.DataFrame({"Image": image, "Object type": "Annotation", "Centroid X µm": [1.0] * annotations})
    table = pd.concat([table, extra], ignore_index=True)
    table.to_csv(path, index=False, sep=sep, encoding=encoding, decimal="," if sep == ";" else ".")


def write_steinbock(folder, images):
    for name in ("intensities", "regionprops"):
        (folder / name).mkdir(parents=True)
    for image, (x, dna, xy, area) in images.items():
        number = pd.Index(np.arange(1, len(x) + 1), name="Object")
        pd.DataFrame(np.column_stack([dna, x]), number, ["Ir191", *MARKERS]).to_csv(folder / f"intensities/{image}.csv")
        shapes = pd.DataFrame({"area": area, "centroid-0": xy[:, 1], "centroid-1": xy[:, 0]}, number)
        shapes.to_csv(folder / f"regionprops/{image}.csv")


def write_cellprofiler(folder, images, *, named=True):
    """Write the tables of the IMC segmentation pipeline: channel c1 is DNA, and its order is in var_cell.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    isotopes = ["Ir191", "Pr141", "Nd142", "Sm147"]
    parts = []
    for number, (x, dna, xy, area) in enumerate(images.values(), 1):
        part = pd.DataFrame({"ImageNumber": number, "ObjectNumber": np.arange(1, len(x) + 1), "AreaShape_Area": area})
        part["Location_Center_X"], part["Location_Center_Y"] = xy.T
        for c, values in enumerate([dna, *x.T], 1):
            part[f"Intensity_MeanIntensity_FullStack_c{c}"] = values / 65535
            part[f"Intensity_MaxIntensity_FullStack_c{c}"] = values / 65535 * 2
        part["Intensity_MeanIntensity_ProbabStack_c1"] = 0.5
        parts.append(part)
    pd.concat(parts).to_csv(folder / "cell.csv", index=False)
    pd.DataFrame(
        {
            "ImageNumber": range(1, len(images) + 1),
            "FileName_FullStack": [f"{name}.tiff" for name in images],
            "Scaling_FullStack": 65535,
            "Scaling_cellmask": 255,
        }
    ).to_csv(folder / "Image.csv", index=False)
    if named:
        features = {"category": "Intensity", "channel": [1, 2, 3, 4], "channel_id": isotopes}
        pd.DataFrame(features).to_csv(folder / "var_cell.csv", index=False)
        panel = pd.DataFrame({"Metal Tag": isotopes[::-1], "Target": [*MARKERS[::-1], "DNA1"], "full": 1})
        panel.to_csv(folder / "panel.csv", index=False)


def write_all(folder):
    """Write the cells of `cells()` in every format of cytometry and imaging, into `folder`."""
    x, dna, xy, area = cells()
    halves = {name: tuple(part[rows] for part in (x, dna, xy, area)) for name, rows in HALVES.items()}
    spill = np.array([[1, 0.2, 0.1], [0.05, 1, 0], [0, 0.3, 1]])
    text = ",".join(["3", "B1-A", "R1-A", "V1-A", *(f"{value:g}" for value in spill.ravel())])
    events = np.column_stack([area, x @ spill, dna])
    names = ["FSC-A", "B1-A", "R1-A", "V1-A", "Time"]
    write_fcs(folder / "flow.fcs", events, names, ["", *MARKERS, ""], datatype="D", keywords={"$SPILLOVER": text})
    (folder / "cytof").mkdir()
    isotopes = ["Ce140Di", "Pr141Di", "Nd142Di", "Sm147Di", "Ir191Di"]
    stains = ["140Ce", *MARKERS, "191Ir_DNA1"]
    for name, (part, dna_of, _, area_of) in halves.items():
        counted = np.column_stack([area_of, part, dna_of])
        write_fcs(folder / "cytof" / f"{name}.fcs", counted, isotopes, stains, version="3.0")
    write_mcmicro(folder / "unmicst-1_cell.csv", x, dna, xy, area)
    (folder / "quantification").mkdir()
    for name, half in halves.items():
        write_mcmicro(folder / "quantification" / f"{name}.csv", *half)
    write_qupath(folder / "measurements.tsv", x, dna, xy, area)
    write_steinbock(folder / "steinbock", halves)
    write_cellprofiler(folder / "cpout", halves)
