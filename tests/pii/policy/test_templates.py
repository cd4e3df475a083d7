import pytest

from ss_ray.errors import ConfigError
from ss_ray.pii.policy.filters import Filters
from ss_ray.pii.policy.templates import Expression, Expressions, Needs, as_text, needs, parts
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms

KEY = b"a key of the tests, 32 bytes long"
PSEUDONYMS = Pseudonyms(KEY)


@pytest.fixture(scope="module")
def expressions() -> Expressions:
    plan = PiiPlan(columns=(), text_columns=(), ner_model=None)
    return Expressions(KEY, "en_US", Filters(PSEUDONYMS, plan), {"locales": ["en_US"]})


def value(
    expressions: Expressions, source: str, this: object = "Maria Garcia", entity: str = "name", **more
) -> str | None:
    column = {"name": "c", "entity": entity, "type": "other"}
    return as_text(expressions.value(Expression(source), {"this": this, "column": column, "vars": {"a": 2}, **more}))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("this", "Maria Garcia"),
        ("{{ this }}!", "Maria Garcia!"),
        ("{% if this %}yes{% else %}no{% endif %}", "yes"),
        ("vars.a + 1", "3"),
        ("'literal'", "literal"),
        ("none", None),
        ("this | isna", "False"),
        ("'' | isna", "True"),
        ("'Ünal  Öz' | normalize", "Unal Oz"),
        ("this | partial_mask(2, 'XX', 2)", "MaXXia"),
        ("'ab' | partial_mask(2, 'XX', 2)", "XX"),
        ("'www.example.co.uk' | tld", "uk"),
        ("'Germany' | lookup_country", "DE"),
        ("'DE' | lookup_locales", '["de_DE"]'),
        ("'2020-02-27' | date_format('%d/%m/%Y')", "27/02/2020"),
        ("'2020-02-27 10:00' | date_time_format('%H')", "10"),
        ("('2020-02-27' | date_parse) + timedelta(days=2)", "2020-02-29 00:00:00"),
        ("'2020-02-27' | date_shift('5d', '5d')", "2020-03-03"),
        ("re.sub('[0-9]', '#', 'a1b2')", "a#b#"),
        ("globals.locales[0]", "en_US"),
        ("index", "7"),
        ("row.age * 2", "82"),
        ("row['first name']", "Bo"),
        ("'call 212-555-0147' | label_entities", "call <PHONE_NUMBER>"),
        ("'call 212-555-0147' | redact_entities", "call [REDACTED]"),
        ("('a@b.de' | detect_entities)[0].entity", "EMAIL_ADDRESS"),
    ],
)
def test_expression(expressions, source, expected):
    row = {"age": 41, "first name": "Bo"}
    assert value(expressions, source, row=row, index=7) == expected


def test_fake_and_persona_give_the_stand_ins_of_columns_and_texts(expressions):
    name = PSEUDONYMS.stand_in("PERSON", "Maria Garcia")
    assert value(expressions, "column.entity | fake") == name
    assert value(expressions, "fake.persona(row_index=vars.a + index).name") == name
    first = value(expressions, "fake.persona(row_index=vars.a + index).first_name", "Maria", "first_name")
    assert first == name.split()[0]
    assert value(expressions, "'call 212-555-0147' | fake_entities") == "call " + PSEUDONYMS.stand_in(
        "PHONE_NUMBER", "212-555-0147"
    )


def test_what_is_drawn_depends_on_key_column_and_cell_alone(expressions):
    source = "fake.random_number(digits=9) ~ '-' ~ random.random()"
    first = value(expressions, source)
    value(expressions, "fake.name()")
    assert value(expressions, source) == first
    assert value(expressions, source, "another") != first
    assert value(expressions, source, entity="ssn") != first


@pytest.mark.parametrize(
    "source",
    [
        "this.__class__",
        "''.__class__.__mro__[1].__subclasses__()",
        "{{ cycler.__init__.__globals__ }}",
        "fake.__init__",
        "fake.factories[0]",
        "fake.factories[0].get_formatter('name')",
        "fake.unique.name()",
        "fake.optional",
        "fake.fixed_width()",
        "fake.json(data_columns={'a': '@generator'})",
        "fake.enum(this)",
        "fake.name.__self__",
        "fake.persona().__dict__",
        "fake.persona()._filters",
        "re.search('a', 'a').expandf('{0.__class__}')",
        "re.search('a', 'a').re",
        "re.subf('a', '{0.__class__}', 'a')",
        "globals.update({'a': this})",
        "vars.update({'b': 1})",
        "fake._faker",
        "fake.seed(1)",
        "fake.add_provider(1)",
        "fake.provider('person').__class__",
        "re.sub.__globals__",
        "random.seed(1)",
        "open('/etc/hostname')",
        "self._TemplateReference__context",
        "lipsum.__globals__['os']",
        "import_module('os')",
        "nosuch",
        "fake",
        "'x' * 10**9",
        "2 ** 100000",
        "[0] * 10**8",
        "'%0999999999d' % 1",
        "range(10**9) | list",
        "re.fullmatch('(a|aa)+b', 'a' * 60)",
    ],
)
def test_expression_that_reaches_beyond_values_or_grows_fails(expressions, source):
    with pytest.raises((Exception, RecursionError)):
        value(expressions, source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("column.entity == 'name'", Needs(cell=False, index=False, row=(), column=True)),
        ("vars.a", Needs(cell=False, index=False, row=())),
        ("this | hash", Needs(cell=True, index=False, row=())),
        ("column.entity | fake", Needs(cell=True, index=False, row=(), column=True)),
        ("fake.persona(row_index=vars.a + index).email", Needs(cell=True, index=False, row=())),
        ("row.age > 3 and row['name']", Needs(cell=False, index=False, row=("age", "name"))),
        ("row", Needs(cell=False, index=False, row=None)),
        ("index % 2 == 0", Needs(cell=False, index=True, row=())),
        ("{% if row.age %}{{ this }}{% endif %}", Needs(cell=True, index=False, row=("age",))),
    ],
)
def test_what_an_expression_depends_on(source, expected):
    assert needs(Expression(source)) == expected


def test_parts_of_a_condition_are_taken_apart(expressions):
    found = parts("column.entity == 'name' and (this == 'x' or not this) and not (this | isna)")
    assert [needs(part).is_constant for part in found] == [True, False, False]
    column = {"column": {"name": "c", "entity": "name"}, "this": "x"}
    assert [bool(expressions.value(part, column)) for part in found] == [True, True, True]
    assert [bool(expressions.value(part, {**column, "this": "y"})) for part in found] == [True, False, True]


@pytest.mark.parametrize("source", ["this |", "{{ this", "x" * 10_001, "{% if %}"])
def test_what_is_no_expression_is_refused(source):
    with pytest.raises(ConfigError, match="policy expression"):
        needs(Expression(source))
