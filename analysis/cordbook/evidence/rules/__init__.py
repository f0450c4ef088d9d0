"""The rules that the evidence keeps: one small function each, listed here for the validator and the docs."""

from __future__ import annotations

from cordbook.evidence.rules.base import Data, Rule, Violation
from cordbook.evidence.rules.counts import COUNT_RULES
from cordbook.evidence.rules.examples import EXAMPLE_RULES
from cordbook.evidence.rules.fields import SCHEMA_RULES, check_table, complaints
from cordbook.evidence.rules.promises import PROMISE_RULES
from cordbook.evidence.rules.readings import READING_RULES
from cordbook.evidence.rules.screening import SCREENING_RULES
from cordbook.evidence.rules.sources import SOURCE_RULES
from cordbook.evidence.rules.strategies import STRATEGY_RULES
from cordbook.evidence.rules.studies import STUDY_RULES
from cordbook.evidence.rules.subject import SUBJECT_RULES
from cordbook.evidence.rules.vocabulary import VOCABULARY_RULES

RULES: tuple[Rule, ...] = (
    *COUNT_RULES, *READING_RULES, *STUDY_RULES, *EXAMPLE_RULES, *SOURCE_RULES, *SCREENING_RULES, *STRATEGY_RULES, *VOCABULARY_RULES, *SUBJECT_RULES, *PROMISE_RULES,
)  # fmt: skip

__all__ = ["RULES", "SCHEMA_RULES", "Data", "Rule", "Violation", "check_table", "complaints"]
