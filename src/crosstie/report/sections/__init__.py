"""The sections of the report: one module for each entry of its contents, in their order in `report.page`."""
