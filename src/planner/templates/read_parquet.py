def read_table(source, positions):
    file = pyarrow.parquet.ParquetFile(source["path"])
    names = file.schema_arrow.names
    frame = file.read(columns=[names[n] for n in positions]).to_pandas()
    frame = frame.reset_index(drop=True)[[names[n] for n in positions]]
    frame.columns = positions
    return frame
