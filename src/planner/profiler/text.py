import codecs
import csv
import gzip
import io
import json
import os
import time

SAMPLE_BYTES = 6_000_000
SAMPLE_ROWS = 20_000
SAMPLE_CELLS = 1_500_000
MAX_JSON = 128_000_000
MAX_COLUMNS = 200
class Problem(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def open_bytes(path, compression):
    return gzip.open(path, "rb") if compression == "gzip" else open(path, "rb")


def reading_of(form, **more):
    reading = {"format": form, "encoding": "utf-8", "delimiter": "", "quote": True, "headerRow": None, "skipRows": 0, "compression": "none"}
    return {**reading, "sheet": None, "records": [], **more}


def find_encoding(head, whole):
    for bom, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if head.startswith(bom):
            return name
    probe = head[:4000]
    zeros = (probe[::2].count(0), probe[1::2].count(0))
    half = max(1, len(probe) // 2)
    if zeros[1] > 0.6 * half and zeros[0] < 0.1 * half:
        return "utf-16-le"
    if zeros[0] > 0.6 * half and zeros[1] < 0.1 * half:
        return "utf-16-be"
    controls = sum(byte < 9 or 13 < byte < 32 and byte != 27 for byte in head[:64000])
    if b"\0" in head or controls > 0.02 * len(head[:64000]):
        raise Problem("not_a_table", "This is not a table: the file holds binary data. Send a CSV, Excel, JSON or Parquet file.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, whole)
        return "utf-8"
    except UnicodeDecodeError:
        return "latin-1" if any(byte in head for byte in b"\x81\x8d\x8f\x90\x9d") else "cp1252"


def scan(path, compression, encoding):
    """Lines in the whole file, whether the count is exact, and the encoding that reads all of it."""
    decoder = codecs.getincrementaldecoder("utf-8")() if encoding.startswith("utf-8") else None
    newline = "\n".encode("utf-16-be" if encoding == "utf-16-be" else "utf-16-le" if "16" in encoding else "ascii")
    lines, seen, last, deadline = 0, 0, b"", time.monotonic() + 2.5
    with open_bytes(path, compression) as file:
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                return lines + (last not in (b"", b"\n")), True, encoding
            lines += chunk.count(newline)
            seen, last = seen + len(chunk), chunk[-1:] if len(newline) == 1 else b"\n"
            if decoder:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    decoder, encoding = None, "cp1252"
            if time.monotonic() > deadline:
                position = file.fileobj.tell() if compression == "gzip" else seen
                return int(lines * os.path.getsize(path) / max(1, position)), False, encoding


def find_delimiter(text):
    """The separator that cuts the lines into the most regular table; "," for a single column."""
    best, chosen = 0, ","
    for delimiter in ",;\t|":
        widths = [len(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
        if not widths:
            continue
        width, count = Counter(widths).most_common(1)[0]
        score = (count / len(widths)) ** 2 * min(width, 20) if width > 1 else 0
        if score > best * 1.05:
            best, chosen = score, delimiter
    return chosen


def first_table_row(rows):
    """Where the header stands: titles above a table are narrower than the table."""
    width = Counter(len(row) for row in rows[:200] if any(row)).most_common(1)[0][0]
    for index, row in enumerate(rows[:20]):
        filled = sum(bool(cell.strip()) if isinstance(cell, str) else cell is not None for cell in row)
        if filled and (width == 1 or filled > max(1, 0.5 * width)) and not (width > 1 and str(row[0]).startswith("#") and filled < width):
            return index
    return next(index for index, row in enumerate(rows) if any(row))


def looks_like_header(first, below):
    """Names above values: no cell of the header has the type of its column, unless all look alike."""
    if not below:
        return True
    typed = matching = 0
    for index, cell in enumerate(first):
        column = Counter(filter(None, (as_text(row[index]) if index < len(row) else None for row in below[:200])))
        if not column:
            continue
        if number_style(column, "") or time_format("date", column, False)[0]:
            typed += 1
            text = as_text(cell)
            if text is not None and (number_style({text: 1}, "") or time_format("date", {text: 1}, False)[0]):
                matching += 1
    texts = [str(cell) for cell in first]
    years = [text for text in texts if re.fullmatch(r"(19|20)\d\d", text)]
    if typed and matching and not (len(years) == matching and len(set(years)) == len(years) and matching > 1):
        return matching < typed * 0.5
    if typed or len(first) < 2:
        return True
    repeated = sum(any(index < len(row) and row[index] == cell for row in below) for index, cell in enumerate(first))
    return repeated < len(first) * 0.5


def column_names(cells, width):
    names, used = [], set()
    for index in range(width):
        text = str(cells[index]).strip() if index < len(cells) and cells[index] is not None else ""
        base = short(text, 200) if text else "column %d" % (index + 1)
        name, copy = base, 2
        while name in used:
            name, copy = "%s (%d)" % (base, copy), copy + 1
        used.add(name)
        names.append(name)
    return names


def table(rows, delimiter=","):
    """(column names, rows of data, (row of the header, first row of data), notes) of a grid of cells."""
    if not any(any(cell not in (None, "") for cell in row) for row in rows):
        raise Problem("empty", "The file is empty: there is nothing in it to show.")
    start, notes = first_table_row(rows), []
    if start and any(any(row) for row in rows[:start]):
        notes.append("%d line(s) above the table were skipped" % start)
    following = next((i for i in range(start + 1, len(rows)) if any(cell not in (None, "") for cell in rows[i])), None)
    below = [row for row in rows[start + 1 :] if any(cell not in (None, "") for cell in row)]
    width = min(max(map(len, rows[start : start + 200])), 20_000)
    while width > len(rows[start]) and not any(len(row) >= width and row[width - 1] not in (None, "") for row in below[:200]):
        width -= 1
    if not looks_like_header(rows[start], below):
        return column_names([], width), [rows[start], *below], (None, start), notes + ["the file has no header line"]
    if following is None:
        names = ", ".join(short(name, 30) for name in column_names(rows[start], width)[:6])
        raise Problem("no_rows", "The file has a header line (%s) but no rows below it." % names)
    return column_names(rows[start], width), below, (start, following), notes


def describe(names, rows, delimiter):
    rows = rows[: max(50, min(SAMPLE_ROWS, SAMPLE_CELLS // max(1, len(names))))]
    columns, notes = [], []
    for index, name in enumerate(names[:MAX_COLUMNS]):
        values = [row[index] if index < len(row) else None for row in rows]
        column, note = column_profile(name, index, values, delimiter)
        columns.append(column)
        notes += [note] if note else []
    return columns, notes, len(rows)


def text_blocks(path, encoding, size):
    """Lines from later parts of a big file, so that statistics do not rest on its beginning alone."""
    blocks = []
    with open(path, "rb") as file:
        for part in (0.3, 0.6, 0.9):
            file.seek(int(size * part))
            file.readline()
            block = file.read(400_000)
            blocks.append(block[: block.rfind(b"\n") + 1].decode(encoding, "replace"))
    return blocks


def profile_csv(path, head, compression, size):
    whole = len(head) < SAMPLE_BYTES
    encoding = find_encoding(head, whole)
    lines, exact, encoding = scan(path, compression, encoding)
    text = head.decode(encoding, "replace").replace("\0", "")
    if not whole:
        text = text[: text.rfind("\n") + 1]
    if not text.strip():
        raise Problem("empty", "The file is empty: there is nothing in it to show.")
    csv.field_size_limit(10_000_000)
    delimiter = find_delimiter("\n".join(text[:200_000].splitlines()[:100]))
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    quote = not (text.count('"') % 2 and max(len(cell) for row in rows[-3:] for cell in row or [""]) > 5_000)
    if not quote:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    names, data, (header, skip), notes = table(rows, delimiter)
    count = len(data)
    if not whole:
        embedded = sum(cell.count("\n") for row in data for cell in row if "\n" in cell)
        count = max(len(data), int((lines - skip) * len(data) / (len(data) + embedded)))
        exact = exact and not embedded
        if compression == "none" and not embedded and "16" not in encoding:
            more = [row for block in text_blocks(path, encoding, size) for row in csv.reader(io.StringIO(block), delimiter=delimiter)]
            step = max(1, len(data) // (SAMPLE_ROWS // 2))
            data = data[::step][: SAMPLE_ROWS // 2] + more[: SAMPLE_ROWS // 2]
    columns, more_notes, sampled = describe(names, data, delimiter)
    if any(column["number"] == "comma" for column in columns):
        regroup(columns)
    reading = reading_of("csv", encoding=encoding, delimiter=delimiter, quote=quote, headerRow=header, skipRows=skip, compression=compression)
    return {"reading": reading, "rows": count, "rowsExact": exact or whole, "sampled": sampled, "columnCount": len(names),
            "columns": columns, "notes": notes + more_notes}


def regroup(columns):
    """Beside a column with a decimal comma, 1.234 is one thousand and more."""
    for column in columns:
        dotted = [top["value"] for top in column["top"] if "." in top["value"]]
        if column["number"] == "plain" and dotted and all(GROUPED["."].fullmatch(text) for text in dotted):
            column.update(number="comma", integer=True)
            for key in ("min", "max", "mean"):
                column[key] = None
