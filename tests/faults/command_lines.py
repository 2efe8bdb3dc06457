"""Strategies for command lines as users type them: right ones, slips, edges and nonsense."""

from itertools import chain

from hypothesis import strategies as st

from regjax.config.ranges import CHOICES, OPTIMIZER_NUMBERS, SCHEDULE_NUMBERS
from regjax.config.schema import known_keys

KEYS = known_keys()
SWITCHES = ("true", "false")
SMALL, SHARES, WHOLE = ("0.001", "0.1", "1.5"), ("0", "0.2", "0.5"), ("1", "2", "16", "100")
RIGHT = {
    **CHOICES,
    **dict.fromkeys(["seed", "data.split_seed", "data.test_seed"], ("0", "7", "2147483647")),
    **dict.fromkeys(["penalty.l1", "penalty.l2", "schedule.warmup_epochs"], ("0", *SMALL)),
    **dict.fromkeys(["optimizer.learning_rate", "optimizer.epsilon", "model.norm_epsilon"], SMALL),
    **dict.fromkeys(["optimizer.weight_decay", "optimizer.clip_norm", "early_stopping.min_delta"], SMALL),
    **dict.fromkeys(["model.init_stddev", "compare.effect", "checkpointing.minutes"], SMALL),
    **dict.fromkeys(["model.input_dropout", "model.dropout", "model.norm_momentum"], SHARES),
    **dict.fromkeys(["optimizer.momentum", "optimizer.beta1", "optimizer.beta2", "optimizer.rho"], SHARES),
    **dict.fromkeys(["trainer.epochs", "trainer.batch_size", "trainer.evaluation_batch_size"], WHOLE),
    **dict.fromkeys(["early_stopping.start_from_epoch", "checkpointing.keep"], WHOLE),
    **dict.fromkeys(["model.residual", "model.use_bias", "penalty.biases", "optimizer.nesterov"], SWITCHES),
    **dict.fromkeys(["early_stopping.restore_best", "sweep.retry", "sweep.fail_fast"], SWITCHES),
    **dict.fromkeys(["data.manual_dir", "data.data_dir", "cache_dir"], ("here", "~/there", "a/b")),
    **{"schedule.final_fraction": SHARES, "schedule.decay_rate": ("0.5", "1")},
    **{"schedule.decay_epochs": SMALL},
    **{"model.hidden": ("[]", "[8]", "[16,8,8]"), "sweep.lanes": ("null", "1", "3")},
    **{"sweep.allow_diverged": SWITCHES, "data.validation": ("0.2", "40", "first:30", "test", "0")},
    **{"data.name": ("wine", "digits"), "data.train_size": ("null", "60"), "data.test_share": ("0.1", "0.3")},
    **{"early_stopping.patience": ("null", "0", "3"), "early_stopping.baseline": ("null", "-1.5", "0")},
    **{"compare.baseline": ("null", "l2"), "compare.alpha": ("0.05", "0.5")},
    "report.epochs_to": ("null", "0.5", "1"),
}
GROUPS = {
    "data": ("digits", "wine", "breast_cancer", "mnist", "fashion_mnist", "kmnist", "tfds"),
    "model": ("mlp",),
    "optimizer": tuple(OPTIMIZER_NUMBERS),
    "schedule": tuple(SCHEDULE_NUMBERS),
    "experiment": ("null", "notebook1", "notebook2", "papers/keras_mlp"),
    "debug": ("null", "fast", "overfit"),
}
TECHNIQUES = ("none", "dropout", "l1", "l2", "elastic_net", "batch_norm", "layer_norm", "early_stopping")
EDGES = (
    "0", "1", "-1", "0.0", "-0.0", "2", "0.999999999999", "1e-300", "1e300", "-1e300", "1e39", "1e-46",
    "5e-324", "1e999", "nan", "inf", "-inf", ".5", "1_000", "0x10", "1e2", "2147483647", "2147483648",
    "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808", "1000000000000000", "[]",
    "[0]", "[1,2]", "[0.1,0.2]", "[[1]]", "[a]", "[null]", "[1,]", "{}", "{a:1}", "{a:{b:[1]}}", "null",
    "NULL", "~", "true", "True", "yes", "off", "abc", "relu", "none", "''", '""', "'1'", '"0.2"', "'a",
    "b'", "'${seed}'", "${seed}", "${model.hidden}", "${model.dropout}", "${.l1}", "${nokey}", "${model}",
    "${}", "${oc.env:NOPE}", "${oc.env:HOME}", "${oc.env:NOPE,1}", "${oc.env:NOPE,null}", "${oc.decode:1}",
    "${oc.dict.keys:model}", "${hydra:job.name}", "${hydra:nope}", "${now:%Y}", "${nope:1}",
    "${oc.select:nope,3}", "???", "\u00e9", "\u65e5", "\u202e", "a\u0301",
    "\udcff", "\x1b[31m", "\x7f", "\x85", "a\nb", "\t",
    "'~nobody-at-all/x'", "../x", ".", "/", "first:0", "first:x",
    "first:9999999999999999999", "test", "a=b", "a:b",
    "%", "*", "?", "<", "|", "&", "#", "@", "!", "\xa0", " ", "",
)  # fmt: skip
EDGES += ("1" + "0" * 400, "a" * 300, "[" * 40 + "]" * 40, "[" + "8," * 50 + "8]")
SWEEPS = ("0,1", "range(3)", "choice(1,2)", "interval(0,1)", "glob(*)", "shuffle(1,2)", "tag(a,1)", "1,[2]")
CALLS = ("int(abc)", "float(nan)", "str(1)", "bool(x)", "json_str({a:1})", "extend_list(1)", "nope(1)")
BROKEN = (
    "{0}=[1", "{0}={{a:1", "{0}", "={0}", "{0}==1", "{0} = 1", "{0}=a b=c", "{0}='x", '{0}="', "{0}=${{",
    "{0}=}}", "{0}=${{seed", "{0}@x=1", "{0}@=1", "{0}:=2", "[{0}]=1", "{0}[0]=1", "{0}.0=1", "{0}.=1",
    ".{0}=1", "{0}..a=1", "~", "+", "++", "=", "", " ", "@", ":", "-{0}=1", "~{0}=1", "~{0}", "+{0}=",
    "++{0}=1", "+{0}=1", "{0}=1]", "{0}.new=1", "+{0}.new=1", "{0}._target_=os.system",
    "+_target_=os.system", "{0}={{_target_: os.system}}", "+new=1", "+new={{a:1}}", "~nokey",
    "~{0}=nothing", "\n", "{0}\n=1", "é=1", "\udcff=1", "{0}=\\", "{0}=,", "{0}=1,",
)  # fmt: skip
HYDRA = (
    "hydra.run.dir=", "hydra.run.dir=null", "hydra.run.dir=a/../b", "hydra.run.dir=${nokey}",
    "hydra.rum.dir=x", "hydra.mode=RUN", "hydra.mode=BANANA", "hydra.verbose=true", "hydra.job.name='a b'",
    "hydra.job.chdir=true", "hydra/launcher=nope", "hydra/launcher=basic", "hydra/sweeper=basic",
    "hydra/job_logging=nope", "hydra=nope", "hydra.job.env_copy=[NOPE]", "hydra.job.env_set.X=1",
    "+hydra.job.env_set.X=1", "hydra.output_subdir=null", "hydra.output_subdir=[1]", "hydra.sweep.subdir=x",
    "hydra.sweeper.params=1", "hydra.sweeper.params={model.dropout:0}", "hydra.searchpath=[nowhere]",
    "hydra.searchpath=[pkg://nowhere]", "hydra.searchpath=1", "hydra.callbacks=1", "+hydra.callbacks.x=1",
    "~hydra.run", "~hydra", "hydra.job_logging=null", "hydra.job_logging.root.level=LOUD",
    "hydra.launcher=null", "hydra.help=1", "hydra.runtime.output_dir=x", "hydra.job.config=null",
    "hydra.overrides=1",
)  # fmt: skip


def spelt(key: str) -> st.SearchStrategy[str]:
    """The key with a letter less, twice or next to its place."""
    places = st.integers(0, len(key) - 2)
    changes = (lambda at: key[:at] + key[at + 1 :], lambda at: key[:at] + key[at] + key[at:])
    return st.one_of([places.map(change) for change in changes])


@st.composite
def one_right(draw: st.DrawFn) -> list[str]:
    """An override that means something, with the group that reads it where its key needs one."""
    keys = [key for key in KEYS if key in RIGHT]
    key = draw(st.sampled_from([*keys, *GROUPS, "regularization"]))
    if key == "regularization":
        names = draw(st.lists(st.sampled_from(TECHNIQUES), max_size=4, unique=True))
        return [f"regularization=[{','.join(names)}]"]
    if key in GROUPS:
        return [f"{key}={draw(st.sampled_from(GROUPS[key]))}"]
    section, _, leaf = key.partition(".")
    numbers = {"optimizer": OPTIMIZER_NUMBERS, "schedule": SCHEDULE_NUMBERS}.get(section, {})
    readers = [name for name, read in numbers.items() if leaf in read]
    group = [f"{section}={draw(st.sampled_from(readers))}"] if readers else []
    return [*group, f"{key}={draw(st.sampled_from(RIGHT[key]))}"]


def values() -> st.SearchStrategy[str]:
    """Texts for a value: edges of numbers, other types, interpolations, sweeps, calls, any characters."""
    numbers = st.one_of(st.integers(), st.floats()).map(str)
    shown = st.text(st.characters(exclude_characters="\0"), max_size=8)
    lists = st.lists(st.one_of(st.sampled_from(EDGES), numbers), max_size=3).map(",".join).map("[{}]".format)
    return st.one_of(*[st.sampled_from(EDGES)] * 3, numbers, lists, shown, st.sampled_from(SWEEPS + CALLS))


def overrides() -> st.SearchStrategy[list[str]]:
    """One override, or two that belong together."""
    places = [*KEYS, *GROUPS, "regularization"]
    keys = st.one_of(*[st.sampled_from(places)] * 6, st.sampled_from(places).flatmap(spelt))
    wild = st.builds("{}{}={}".format, st.sampled_from(["", "", "", "+", "++", "~"]), keys, values())
    names = st.lists(st.one_of(st.sampled_from(TECHNIQUES), st.sampled_from(EDGES)), max_size=4)
    techniques = names.map(",".join).map("regularization=[{}]".format)
    broken = st.builds(str.format, st.sampled_from(BROKEN), keys)
    others = st.one_of(wild, wild, wild, techniques, broken, st.sampled_from(HYDRA))
    return st.one_of(*[one_right()] * 5, others.map(lambda text: [text]))


def command_lines() -> st.SearchStrategy[list[str]]:
    """Overrides that all mean something, or any."""
    parts = st.one_of(
        st.lists(one_right(), min_size=1, max_size=6), *[st.lists(overrides(), min_size=1, max_size=3)] * 2
    )
    return parts.map(lambda lists: list(chain(*lists)))
