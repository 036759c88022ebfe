def read_rows(path, reading):
    opener = gzip.open if reading["compression"] == "gzip" else open
    with opener(path, "rt", encoding=reading["encoding"], errors="replace") as file:
        text = file.read().lstrip("\ufeff")
    if reading["format"] == "jsonl":
        document = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        document = json.loads(text)
    return pd.DataFrame(rows_of(document, reading["records"]))


def read_table(source, positions):
    frame = read_rows(source["path"], source["reading"])
    frame.columns = range(frame.shape[1])
    return without_missing(frame[positions])
