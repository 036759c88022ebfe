def write(rows, output):
    dates_as_text(rows).to_csv(output, index=False, sep="\t" if output.endswith(".tsv") else ",", encoding="utf-8")
