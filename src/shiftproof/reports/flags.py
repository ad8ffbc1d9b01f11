"""Every flag by its name, which is its code: stable, so that gates and tests may name it, and explained in the documentation."""

from __future__ import annotations

from typing import NamedTuple


class FlagMeaning(NamedTuple):
    """What a flag says, and what to do."""

    means: str
    do: str


FLAGS: dict[str, FlagMeaning] = {
    "averaged": FlagMeaning(
        "The model is random; the search climbed the mean of several passes.", "Read the number as one of that average."
    ),
    "batch_dependent": FlagMeaning(
        "The answer to an input depends on the other inputs of its batch.", "Put the model into evaluation mode (model.eval())."
    ),
    "batch_halved": FlagMeaning("Memory ran out, and smaller batches were used.", "Nothing: no verdict depends on it."),
    "black_box_beats_gradient": FlagMeaning(
        "A search without gradients broke more than the gradient search.", "Use more restarts, keep both searches, and add --diagnose."
    ),
    "catastrophic_overfitting": FlagMeaning(
        "In training, accuracy under the attack of the training rose while that under a stronger one fell.",
        "Train with more attack steps, as adversarial does.",
    ),
    "failed_checks": FlagMeaning("Checks for masked gradients failed.", "Read the checks on the page; each says what to run next."),
    "fewer_classes": FlagMeaning("The model knows fewer classes than the data have.", "Check that model and data belong together."),
    "nan_loss": FlagMeaning("Training stopped at a loss that is not a number.", "Lower the learning rate, or clip gradients."),
    "no_better_than_constant": FlagMeaning(
        "The model is right no more often than one that always gives the same answer.", "Check the data's labels, box and preparation."
    ),
    "nonfinite_gradients": FlagMeaning(
        "Some gradients were NaN or infinite, and the search went without them.", "Add a search without gradients, such as square."
    ),
    "nonfinite_scores": FlagMeaning("The model gave NaN or infinite scores on moved inputs.", "They count as broken: mend the model."),
    "not_certifiable": FlagMeaning("The certificate could not read the model.", "The detail names the layer; nothing is proven."),
    "nothing_learned": FlagMeaning("Training ended no better than a guess.", "Train longer, or with another learning rate."),
    "probabilities": FlagMeaning(
        "The scores are probabilities, whose gradients vanish where the model is sure.", "Give the model without its last softmax."
    ),
    "randomised_model": FlagMeaning(
        "The same input got different answers.", "Fix the model's seed, or search with expectation, which averages passes."
    ),
    "robust_overfitting": FlagMeaning(
        "In training, accuracy under attack fell again after its best epoch.", "The best epoch is kept: train for fewer."
    ),
    "unreproduced": FlagMeaning(
        "The model was wrong while searched and right when scored again.", "It is random or unstable: fix its seed."
    ),
    "zero_gradients": FlagMeaning(
        "The gradient was zero at every step, so a gradient search is blind there.", "Add best_of_n or square, and --diagnose."
    ),
}
