"""What leaves a run: accepted films as DICOM, as class folders or as Parquet. Placebo films never do."""
