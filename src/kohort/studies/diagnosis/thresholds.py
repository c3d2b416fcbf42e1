"""Every threshold of a diagnosis, with the reason for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A number that evidence is held against.

    Attributes
    ----------
    value : float
    meaning : str
        Of what it is a limit, and in which unit.
    reason : str
        Literature, or what healthy networks of `python -m benchmarks faults` have.
    """

    value: float
    meaning: str
    reason: str


THRESHOLDS: dict[str, Threshold] = {
    "input_size": Threshold(
        10.0, "largest root mean square of an input",
        "Inputs shall have mean 0 and deviation 1 (LeCun et al. 1998); ten times that saturates "
        "units and makes the loss ten times as steep in some weights as in others.",
    ),
    "input_smallness": Threshold(
        0.01, "root mean square of the largest input", "The same, a hundred times too small.",
    ),
    "target_size": Threshold(
        10.0, "deviation of a target, or its mean in deviations of 1",
        "A fresh network's output is of size 1: it must first grow by this factor.",
    ),
    "target_smallness": Threshold(
        0.01, "deviation of a target",
        "The error of a fresh network is a hundred times the target's own.",
    ),
    "rare_class": Threshold(
        0.1, "share of the rarest class as a multiple of 1 / classes",
        "5 % of two classes: predicting the others is right in 95 % of rows (King and Zeng 2001 "
        "call events below 5 % rare).",
    ),
    "missed_class": Threshold(
        0.5, "recall of the rarest class", "Most of its rows are missed.",
    ),
    "gain_product": Threshold(
        1e4, "factor by which the initial weights scale the signal's mean square over all layers, "
        "beside what suits the activation",
        "He et al. 2015 and Glorot and Bengio 2010 want 1; Glorot's weights with ReLU, Keras's "
        "default, cost 2 per layer, which up to 10 layers is trained without harm.",
    ),
    "gain_signal": Threshold(
        30.0, "factor by which the mean square of signals or gradients differs over the layers",
        "The wrong weights show: He et al. 2015 want 1.",
    ),
    "vanishing": Threshold(
        1e-4, "mean square of the first layer's backward signal over the last hidden layer's",
        "Gradients a hundred times smaller (Glorot and Bengio 2010); healthy networks of up to 8 "
        "layers stay above 0.01.",
    ),
    "exploding": Threshold(
        1e3, "the same ratio",
        "Gradients 30 times larger: batch normalisation alone gives 1.47 per layer (Yang et al. "
        "2019); healthy networks of up to 8 layers stay below 30.",
    ),
    "spike": Threshold(
        100.0, "largest gradient norm of a training as a multiple of its median",
        "A single step undoes a hundred (Pascanu et al. 2013).",
    ),
    "dead": Threshold(
        0.9, "share of a layer's units that no row of a batch makes active",
        "In healthy deep ReLU networks up to six units in ten see no row of a batch; of a layer "
        "with one unit in ten left, hardly a signal comes out (Lu et al. 2020).",
    ),
    "saturated": Threshold(
        0.8, "share of a layer's activations with less than 5 % of the steepest slope",
        "Glorot and Bengio 2010 saw layers saturate that then learn no more; healthy networks stay "
        "below 0.5.",
    ),
    "travel": Threshold(
        0.1, "the median update-to-weight ratio times the number of steps",
        "In the whole training no weight can move by more than a tenth of itself.",
    ),
    "update": Threshold(
        1e-3, "update-to-weight ratio below which a rate may be too low, and that it is raised to",
        "Rule of thumb of Karpathy 2016 (CS231n): about 1e-3.",
    ),
    "update_size": Threshold(
        0.03, "median update-to-weight ratio in the second half of a training",
        "30 times the rule of thumb: every 30 steps replace the weights.",
    ),
    "update_step": Threshold(
        0.15, "largest update-to-weight ratio of a training",
        "150 times the rule of thumb: seven such steps replace the weights.",
    ),
    "killed": Threshold(
        0.6, "share of a layer's units that went dead during the training",
        "A dead unit gets no gradient any more, so that this cannot be undone (Lu et al. 2020).",
    ),
    "rise_of_loss": Threshold(
        1.5, "last training loss as a multiple of the first step's",
        "Training made the network worse.",
    ),
    "unlearned": Threshold(
        0.3, "share of the constant prediction's loss that training removed",
        "A network that removes more has learned something.",
    ),
    "early_spike": Threshold(
        3.0, "highest loss of the first tenth of the steps as a multiple of the first loss",
        "The first steps made the network worse than chance before it recovered (Goyal et al. "
        "2017).",
    ),
    "clipped_always": Threshold(
        0.95, "share of steps whose gradient is clipped", "The limit sets every step.",
    ),
    "clipped_much": Threshold(
        0.1, "median share of the gradient that clipping leaves",
        "Clipping for safety cuts a tenth, not nine tenths (Pascanu et al. 2013 set the limit at "
        "half to ten times the mean norm).",
    ),
    "clipped_never": Threshold(
        10.0, "the limit as a multiple of the largest gradient seen",
        "Pascanu et al. 2013: up to ten times the mean norm.",
    ),
    "gap": Threshold(
        3.0, "validation loss over training loss, of the weights that are kept",
        "Healthy networks that stop early mostly end below 3.",
    ),
    "gap_size": Threshold(
        0.25, "difference of the two losses as a share of a constant prediction's",
        "A quarter of what there is to learn is learned by heart; below that the ratio alone "
        "blames networks whose training loss comes close to 0.",
    ),
    "rise": Threshold(
        1.05, "last validation loss as a multiple of its best, where nothing stops early",
        "Prechelt 1998 stops at a rise of 5 to 50 %.",
    ),
    "jitter": Threshold(
        0.05, "deviation of the epochs' training losses in the last third, relative to their mean",
        "Steps too large for the bottom of the valley (Bottou et al. 2018, section 4.2).",
    ),
    "floor": Threshold(
        0.05, "training loss as a share of a constant prediction's",
        "Below it there is nothing left to gain.",
    ),
    "relation": Threshold(
        0.02, "share of the loss of the validation rows' own best constant that training removed",
        "Of shuffled targets of many rows nothing can be learned; a network that removes more has "
        "found a relation.",
    ),
    "chance": Threshold(
        4.0, "the same, times the number of validation rows as `few` counts them",
        "In its best epoch chance removed up to 2.5 / rows of shuffled targets of five tables.",
    ),
    "few": Threshold(
        40.0, "validation rows below which nothing is said of their targets; of rare classes a row "
        "counts as its entropy over that of two equal ones",
        "Of fewer rows chance removes more than a tenth; two of 40 rows may be of a rare class.",
    ),
    "over": Threshold(
        0.75, "epoch of the best validation loss as a share of the epochs",
        "A loss that was best in the last quarter may go on to fall.",
    ),
    "norm_batch": Threshold(
        8.0, "rows of a batch that batch normalisation takes its statistics of",
        "Wu and He 2018: errors rise quickly below 8 to 16 rows.",
    ),
}  # fmt: skip


def limit(name: str) -> float:
    """Value of a threshold.

    Examples
    --------
    >>> limit("update")
    0.001
    """
    return THRESHOLDS[name].value
