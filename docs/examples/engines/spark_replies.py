"""Ask for SMTP replies in Spark's SQL: spark-submit --py-files deps.zip spark_replies.py REPLIES.

REPLIES is a folder of Parquet with the columns reply, host and command, such as the deliveries that an MTA has logged.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

import undeliverable

FIELDS = "bounce_type STRING, reason STRING, advice STRING, provider STRING, rule STRING"


def bounce(reply: str | None, host: str | None, command: str | None) -> tuple[str | None, ...] | None:
    """Return what SQL may ask for; more of the record's keys can be added."""
    if reply is None:
        return None
    verdict = undeliverable.classify(reply, host=host, command=command)
    rule = None if verdict.rule is None else verdict.rule.id
    return (verdict.bounce_type, verdict.reason, verdict.advice, verdict.provider, rule)


def main(replies: str) -> None:
    """Count the reasons."""
    spark = SparkSession.builder.appName("replies").getOrCreate()
    spark.udf.register("bounce", udf(bounce, FIELDS, useArrow=True))
    spark.read.parquet(replies).createOrReplaceTempView("replies")
    spark.sql("""
        SELECT verdict.reason, verdict.bounce_type, COUNT(*) AS replies
          FROM (SELECT bounce(reply, host, command) AS verdict FROM replies)
         GROUP BY ALL ORDER BY replies DESC, reason
    """).show(truncate=False)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
