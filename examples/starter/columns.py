"""What the data is, by a first look at it: correct what the look cannot know."""

FORMAT = "csv"  # or "parquet", "jsonl"
DELIMITER = ","
NUMBERS = ["age", "monthly_fee", "support_calls", "months"]
TEXTS = ["plan", "region"]  # one feature a value
KEPT: list[str] = []  # in the tables, and no features
# Left out:
#   customer_id: it numbers the rows
LABEL = "left"
CLASSES = ["no", "yes"]  # none: the label is an amount
POSITIVE = "yes"  # "": there are not two classes
