"""Schedules of learning rates as data, and what they do to an optimizer: of minigrad, or of PyTorch, whose names and
arguments are the same."""

import math

STEPS = 100

#: Functions of the epoch or of the cycle; the cases have their names.
FUNCTIONS = {
    "power": lambda t: 0.95**t,
    "rise": lambda t: min(1.0, (t + 1) / 10),
    "wave": lambda t: 0.9 + 0.15 * math.cos(t),
    "root": lambda t: 1 / math.sqrt(t + 1),
}


def schedule(kind, **options):
    return {"schedule": kind, "options": options}


def case(kind, optimizer="SGD", resumed=(), **options):
    return {"optimizer": optimizer, "resumed": list(resumed), **schedule(kind, **options)}


def cases():
    early = range(9)
    found = [
        case("StepLR", resumed=early, step_size=3),
        case("StepLR", step_size=10, gamma=0.5),
        case("MultiStepLR", resumed=early, milestones=[2, 5, 5, 40]),
        case("MultiStepLR", milestones=[60, 20], gamma=0.3),
        case("ExponentialLR", resumed=early, gamma=0.97),
        case("LinearLR", resumed=early),
        case("LinearLR", start_factor=0.01, end_factor=0.5, total_iters=40),
        case("LinearLR", start_factor=0.7, end_factor=0.0, total_iters=33),
        case("ConstantLR", resumed=early),
        case("ConstantLR", factor=0.2, total_iters=30),
        case("PolynomialLR", resumed=early),
        case("PolynomialLR", total_iters=70, power=2.5),
        case("CosineAnnealingLR", resumed=early, T_max=6),
        case("CosineAnnealingLR", T_max=99, eta_min=0.001),
        case("CosineAnnealingLR", T_max=17, eta_min=0.01),
        case("CosineAnnealingWarmRestarts", resumed=(0, 1, 2, 3), T_0=4),
        case("CosineAnnealingWarmRestarts", T_0=5, T_mult=2, eta_min=0.001),
        case("CosineAnnealingWarmRestarts", T_0=1, T_mult=3),
        case("LambdaLR", resumed=early, lr_lambda="power"),
        case("LambdaLR", lr_lambda=["rise", "power"]),
        case("MultiplicativeLR", resumed=early, lr_lambda="wave"),
        case("MultiplicativeLR", lr_lambda=["wave", "power"]),
        case("ReduceLROnPlateau", patience=2),
        case("ReduceLROnPlateau", factor=0.5, patience=1, cooldown=3, min_lr=[0.01, 0.001]),
        case("ReduceLROnPlateau", mode="max", factor=0.7, patience=3, threshold=0.05, threshold_mode="abs"),
        case("ReduceLROnPlateau", mode="max", factor=0.7, patience=0, threshold=0.1, eps=0.003),
        case("ReduceLROnPlateau", factor=0.8, patience=4, threshold=0.01, threshold_mode="abs"),
    ]
    for optimizer in ("SGD", "Adam"):
        found += [
            case("OneCycleLR", optimizer, early, max_lr=0.3, total_steps=101),
            case("OneCycleLR", optimizer, max_lr=[0.3, 0.2], epochs=10, steps_per_epoch=11, anneal_strategy="linear"),
            case("OneCycleLR", optimizer, max_lr=0.3, total_steps=105, three_phase=True, pct_start=0.4),
            case("OneCycleLR", optimizer, max_lr=0.3, total_steps=150, cycle_momentum=False, div_factor=10.0),
            case("OneCycleLR", optimizer, max_lr=0.1, total_steps=101, base_momentum=[0.7, 0.5], max_momentum=0.9, final_div_factor=3.0),
            case("CyclicLR", optimizer, early, base_lr=0.01, max_lr=0.2, step_size_up=7),
            case("CyclicLR", optimizer, base_lr=[0.01, 0.03], max_lr=0.2, step_size_up=7, step_size_down=12, mode="triangular2"),
            case("CyclicLR", optimizer, base_lr=0.01, max_lr=0.2, step_size_up=9, mode="exp_range", gamma=0.98),
            case("CyclicLR", optimizer, base_lr=0.01, max_lr=0.2, step_size_up=9, scale_fn="root", cycle_momentum=False),
            case("CyclicLR", optimizer, base_lr=0.01, max_lr=0.2, step_size_up=9, scale_fn="root", scale_mode="iterations",
                 base_momentum=0.5, max_momentum=[0.8, 0.95]),
        ]  # fmt: skip
    linear, power = schedule("LinearLR", start_factor=0.1, total_iters=8), schedule("ExponentialLR", gamma=0.95)
    every = [
        schedule("StepLR", step_size=4), schedule("MultiStepLR", milestones=[3, 9]), power, linear, schedule("ConstantLR"),
        schedule("PolynomialLR", total_iters=12), schedule("CosineAnnealingLR", T_max=9),
        schedule("CosineAnnealingWarmRestarts", T_0=6), schedule("LambdaLR", lr_lambda="rise"),
        schedule("MultiplicativeLR", lr_lambda="power"), schedule("CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=4),
    ]  # fmt: skip
    found += [
        case("SequentialLR", schedulers=[linear, schedule("CosineAnnealingLR", T_max=50)], milestones=[8]),
        case("SequentialLR", schedulers=every, milestones=list(range(9, 9 * len(every), 9))),
        case("SequentialLR", schedulers=every[::-1], milestones=list(range(9, 9 * len(every), 9))),
        case("ChainedScheduler", schedulers=[linear, power]),
        case("ChainedScheduler", schedulers=every[:7]),
    ]  # fmt: skip
    return found


def made(spec, optimizer, schedulers, **more):
    """The schedule that the data describe, of a module of schedules."""
    options = {**spec["options"], **more}
    for name in ("lr_lambda", "scale_fn"):
        if name in options:
            given = options[name]
            options[name] = [FUNCTIONS[f] for f in given] if isinstance(given, list) else FUNCTIONS[given]
    if "schedulers" in options:
        within = [made(one, optimizer, schedulers) for one in options.pop("schedulers")]
        if spec["schedule"] == "ChainedScheduler":
            return schedulers.ChainedScheduler(within)
        return schedulers.SequentialLR(optimizer, within, **options)
    return getattr(schedulers, spec["schedule"])(optimizer, **options)


def optimizer_of(spec, optim, parameter):
    """An optimizer with two groups."""
    momentum = {"momentum": 0.9} if spec["optimizer"] == "SGD" else {"betas": (0.9, 0.99)}
    groups = [{"params": [parameter()]}, {"params": [parameter()], "lr": 0.02}]
    return getattr(optim, spec["optimizer"])(groups, lr=0.1, **momentum)


def metric(t):
    return (1.2 + math.sin(0.9 * t)) / (1 + 0.1 * t) + 0.05 * math.cos(7 * t)


def rows(spec, optimizer, scheduler, first, last):
    """Rate and momentum of each group at the epochs first ... last - 1, a step of the optimizer before each of the schedule."""
    found = []
    for t in range(first, last):
        found.append([x for g in optimizer.param_groups for x in (g["lr"], g["momentum"] if "momentum" in g else g["betas"][0])])
        optimizer.step()
        scheduler.step(*[metric(t)] if spec["schedule"] == "ReduceLROnPlateau" else [])
    return found


def course(spec, optim, parameter):
    optimizer = optimizer_of(spec, optim, parameter)
    return rows(spec, optimizer, made(spec, optimizer, optim.lr_scheduler), 0, STEPS)


def resumed(spec, optim, parameter, at):
    """Ten epochs after a schedule was made anew with last_epoch = at, for an optimizer that was scheduled so far."""
    before = optimizer_of(spec, optim, parameter)
    rows(spec, before, made(spec, before, optim.lr_scheduler), 0, at)
    optimizer = optimizer_of(spec, optim, parameter)
    optimizer.load_state_dict(before.state_dict())
    return rows(spec, optimizer, made(spec, optimizer, optim.lr_scheduler, last_epoch=at), 0, 10)
