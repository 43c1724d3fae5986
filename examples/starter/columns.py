"""What the data is, inferred from its values: correct what they cannot tell."""

FORMAT = "csv"  # or "parquet", "jsonl"
DELIMITER = ","
NUMBERS = ["age", "monthly_fee", "support_calls", "months"]
TEXTS = ["plan", "region"]  # one feature a value
KEPT: list[str] = []  # in the tables, and no features
# Left out:
#   customer_id: it numbers the rows
LABEL = "left"
CLASSES = ["no", "yes"]  # empty: the label is an amount
POSITIVE = "yes"  # "": there are not two classes
