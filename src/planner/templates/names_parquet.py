def names_of(source):
    return dict(enumerate(pyarrow.parquet.ParquetFile(source["path"]).schema_arrow.names))
