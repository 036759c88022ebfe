def read_table(source, positions):
    reading = source["reading"]
    text = {c["position"]: str for c in source["columns"] if c["number"] != "plain" or c["kind"] == "id"}
    return pd.read_csv(
        source["path"],
        header=None,
        names=list(range(source["columnCount"])),
        usecols=positions,
        index_col=False,
        dtype=text,
        skiprows=reading["skipRows"],
        sep=reading["delimiter"],
        quoting=0 if reading["quote"] else 3,
        encoding=reading["encoding"],
        encoding_errors="replace",
        compression="gzip" if reading["compression"] == "gzip" else None,
        keep_default_na=False,
        na_values=MISSING,
        skipinitialspace=True,
        on_bad_lines="skip",
        low_memory=False,
    )
