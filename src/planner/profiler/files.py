import importlib.util
import warnings

FOREIGN = [
    (b"%PDF", "a PDF document"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
    (b"SQLite format 3", "an SQLite database"), (b"\xd0\xcf\x11\xe0", "an old Office file (.xls, .doc)"),
    (b"7z\xbc\xaf", "a 7-Zip archive"), (b"Rar!", "a RAR archive"), (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ", "an xz archive"),
    (b"ARROW1", "an Arrow file"), (b"\x7fELF", "a program"), (b"MZ", "a program"),
]


def has_module(name):
    return importlib.util.find_spec(name) is not None


def profile_json(path, head, compression, size):
    if size > MAX_JSON:
        raise Problem("too_large", "The JSON file is too large to be read at once (%d MB). Send it as CSV or Parquet." % (size >> 20))
    encoding = find_encoding(head, False)
    with open_bytes(path, compression) as file:
        data = file.read(2 * MAX_JSON)
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    try:
        document, form = json.loads(text), "json"
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            document, form = [json.loads(line) for line in lines], "jsonl"
        except ValueError:
            where = "line %d, column %d" % (error.lineno, error.colno) if hasattr(error, "lineno") else "its middle"
            raise Problem("broken_json", "The JSON is broken at %s, so it cannot be read." % where)
    except RecursionError:
        raise Problem("broken_json", "The JSON is nested too deeply to be a table.")
    records = find_records(document)
    rows = rows_of(document, records)
    if not rows or not any(rows):
        raise Problem("empty", "The JSON holds no records.")
    keys = list(dict.fromkeys(key for row in rows for key in row))
    names = column_names(keys, len(keys))
    step = max(1, len(rows) // SAMPLE_ROWS)
    columns, notes, sampled = describe(names, [[row.get(key) for key in keys[:MAX_COLUMNS]] for row in rows[::step]], ",")
    reading = reading_of(form, encoding=encoding, compression=compression, records=records)
    return {"reading": reading, "rows": len(rows), "rowsExact": True, "sampled": sampled, "columnCount": len(keys),
            "columns": columns, "notes": notes}


def find_records(document, depth=0):
    """The path to the longest list of records."""
    if not isinstance(document, dict) or depth > 4 or isinstance(document.get("columns"), list):
        return []
    best, path = 1, []
    for key, value in document.items():
        if isinstance(value, list) and len(value) > best and all(isinstance(item, dict) for item in value[:50]):
            best, path = len(value), [key]
    if not path:
        for key, value in document.items():
            inner = find_records(value, depth + 1) if isinstance(value, dict) else []
            if inner:
                return [key, *inner]
    return path


def profile_xlsx(path, size):
    if not has_module("openpyxl"):
        raise Problem("missing_library", "Excel files need openpyxl, which this sandbox does not have. Send the table as CSV.")
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception:
        raise Problem("damaged", "The Excel file cannot be opened: it is damaged or protected by a password.")
    sheets, chosen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets, None
    for sheet in sheets:
        sheet.reset_dimensions()
        rows = []
        for row in sheet.iter_rows(values_only=True):
            rows.append(list(row))
            if len(rows) >= 5_000:
                break
        if any(any(cell not in (None, "") for cell in row) for row in rows):
            chosen = sheet
            break
    if chosen is None:
        raise Problem("empty", "The Excel file is empty: no sheet has anything in it.")
    rows = [[cell.strip() if isinstance(cell, str) else cell for cell in row] for row in rows]
    names, data, (header, skip), notes = table(rows)
    exact, count = len(rows) < 5_000, len(data)
    if not exact:
        chosen.reset_dimensions()
        deadline = time.monotonic() + 4
        for count, _ in enumerate(chosen.iter_rows(values_only=True), 1 - skip):
            if time.monotonic() > deadline:
                break
        else:
            exact = True
    columns, more_notes, sampled = describe(names, data, ",")
    if len(sheets) > 1:
        notes.append("the sheet \u201c%s\u201d was used, of %d" % (short(chosen.title, 60), len(sheets)))
    return {"reading": reading_of("xlsx", headerRow=header, skipRows=skip, sheet=chosen.title), "rows": count, "rowsExact": exact, "sampled": sampled,
            "columnCount": len(names), "columns": columns, "notes": notes + more_notes, "sheets": [short(s.title, 90) for s in sheets[:50]]}


def profile_parquet(path):
    if not has_module("pyarrow"):
        raise Problem("missing_library", "Parquet needs pyarrow, which this sandbox does not have. Send the table as CSV or Excel.")
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        keys = file.schema_arrow.names
        batch = next(file.iter_batches(batch_size=SAMPLE_ROWS, columns=keys[:MAX_COLUMNS]), None)
    except Exception:
        raise Problem("damaged", "The Parquet file is damaged and cannot be read.")
    count = file.metadata.num_rows
    if not count or batch is None:
        raise Problem("no_rows", "The Parquet file has columns but no rows.")
    rows = [list(row.values()) for row in batch.to_pylist()]
    columns, notes, sampled = describe(column_names(keys, len(keys)), rows, ",")
    return {"reading": reading_of("parquet"), "rows": count, "rowsExact": True, "sampled": sampled, "columnCount": len(keys),
            "columns": columns, "notes": notes}


def profile_content(path, name):
    size = os.path.getsize(path)
    if size == 0:
        raise Problem("empty", "The file is empty (0 bytes).")
    with open(path, "rb") as file:
        head = file.read(SAMPLE_BYTES)
    compression = "none"
    if head[:2] == b"\x1f\x8b":
        compression, name = "gzip", re.sub(r"\.gz$", "", name, flags=re.I)
        try:
            with gzip.open(path, "rb") as file:
                head = file.read(SAMPLE_BYTES)
        except (OSError, EOFError):
            raise Problem("damaged", "The gzip file is damaged and cannot be unpacked.")
    if head[:4] == b"PAR1":
        return profile_parquet(path)
    if head[:4] == b"PK\x03\x04":
        if b"xl/" in head or b"[Content_Types].xml" in head[:4000] and name.lower().endswith((".xlsx", ".xlsm")):
            return profile_xlsx(path, size)
        raise Problem("unsupported", "This is an archive or a document, not a table. Unpack it and send the CSV, Excel, JSON or Parquet file.")
    for magic, words in FOREIGN:
        if head.startswith(magic) and (len(magic) > 3 or b"\0" in head[:4000]):
            raise Problem("unsupported", "This is %s, which is not supported yet. Send a CSV, Excel, JSON or Parquet file." % words)
    start = head[:2000].decode("utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8", "ignore")
    start = start.lstrip("\ufeff \t\r\n")
    if start[:1] in "{[" and start or name.lower().endswith((".json", ".jsonl", ".ndjson", ".geojson")) and start:
        return profile_json(path, head, compression, size)
    if re.match(r"<(!doctype|html|\?xml|svg)", start, re.I):
        raise Problem("unsupported", "This is a web page or XML, not a table. Send a CSV, Excel, JSON or Parquet file.")
    return profile_csv(path, head, compression, size)


def profile_file(path, name):
    profile = {"path": path, "name": name, "bytes": 0, "problem": None, "reading": None, "rows": 0, "rowsExact": True,
               "sampled": 0, "columnCount": 0, "columns": [], "sheets": [], "notes": []}
    try:
        profile["bytes"] = os.path.getsize(path)
        profile.update(profile_content(path, name))
        profile["notes"] = [short(note, 280) for note in profile["notes"][:10]]
    except Problem as problem:
        profile["problem"] = {"code": problem.code, "message": str(problem)}
    except FileNotFoundError:
        profile["problem"] = {"code": "missing", "message": "The file did not arrive in the sandbox. Send it again."}
    except MemoryError:
        profile["problem"] = {"code": "too_large", "message": "The file is too large for this sandbox's memory."}
    except Exception as error:
        message = "The file could not be read as a table (%s)." % type(error).__name__
        profile["problem"] = {"code": "unreadable", "message": message}
    return profile


def fit(profile, budget):
    """The profile's JSON within `budget` bytes: fewer frequent values first, then fewer columns."""
    for keep in (40, 20, 12, 6, 3, 0):
        for column in profile["columns"]:
            del column["top"][keep:]
        text = json.dumps(profile, allow_nan=False)
        if len(text) <= budget:
            return text
    while len(text) > budget and len(profile["columns"]) > 1:
        del profile["columns"][max(1, len(profile["columns"]) * 3 // 4) :]
        text = json.dumps(profile, allow_nan=False)
    return text


def main(prefix, files):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profiles = [profile_file(file["path"], file["name"]) for file in files]
    left, texts = max(15_800, 3_000 * len(profiles)), []
    for index, profile in enumerate(profiles):
        texts.append(fit(profile, left // (len(profiles) - index)))
        left -= len(texts[-1])
    capabilities = json.dumps({"excel": has_module("openpyxl"), "parquet": has_module("pyarrow") or has_module("fastparquet")})
    print(prefix + '{"capabilities": ' + capabilities + ', "files": [' + ", ".join(texts) + "]}")
