def write(rows, output):
    rows.to_parquet(output, index=False)
