"""Every flag by its name, which is its code: stable, so that gates and tests may name it."""

from __future__ import annotations

from typing import NamedTuple


class FlagMeaning(NamedTuple):
    """When a flag is raised, and what to do."""

    means: str
    do: str


FLAGS: dict[str, FlagMeaning] = {
    "zero_gradients": FlagMeaning(
        "for at least 5 % of the examples the loss gradient was zero at every step: a gradient search is blind there",
        "Add best_of_n or square, and --diagnose.",
    ),
    "nonfinite_gradients": FlagMeaning(
        "gradients had entries that were NaN or infinite: they counted as 0",
        "Add a search without gradients, such as square.",
    ),
    "randomised_model": FlagMeaning(
        "the same input got different answers",
        "Fix the seed of the model, or search with expectation, which averages passes.",
    ),
    "batch_dependent": FlagMeaning(
        "the answer to an input depends on the others in its batch",
        "Put the model into evaluation mode: model.eval().",
    ),
    "fewer_classes": FlagMeaning(
        "the model has more classes than the data name, so their order may not be the model's",
        "Check that the order of the classes is the model's.",
    ),
    "no_better_than_constant": FlagMeaning(
        "clean accuracy is no better than always giving the most frequent label of the sample: its interval lies below that "
        "label's share; or it does not lie above it, and the answers agree with the labels no more than in random order. The "
        "detail lists likely reasons (weights not loaded, another input scale, classes numbered otherwise, a head for other "
        "classes). A good model on a skewed sample is not flagged, and a sample that is too small or too skewed to say raises "
        "none",
        "Check weights, box and labels before any other number is read.",
    ),
    "probabilities": FlagMeaning(
        "the scores look like probabilities, not logits, so gradients vanish where they saturate; raised where gradients were used",
        "Give the model without its last softmax.",
    ),
    "averaged": FlagMeaning(
        "a random model, judged by the mean probabilities of several passes: the detail says how many",
        "Read the number as one of that average.",
    ),
    "not_certifiable": FlagMeaning(
        "a certificate found that the model does what it cannot see in the model's structure: nothing is certified, and the "
        "detail says why",
        "Read the detail: it names what cannot be seen.",
    ),
    "loose_bound": FlagMeaning(
        "a certificate's bound is too loose to prove anything of this share of the examples, which says nothing of the model",
        "Read the detail: it names the certificate that proves more, and what this one needs.",
    ),
    "batch_halved": FlagMeaning(
        "memory ran out and the run went on with smaller batches; no verdict depends on it",
        "Nothing.",
    ),
    "unreproduced": FlagMeaning(
        "an example was broken while searched, and not when scored again",
        "Fix the seed of the model: it is random or unstable.",
    ),
    "black_box_beats_gradient": FlagMeaning(
        "a search without gradients broke more than one with them: gradients are likely masked",
        "Use more restarts, keep both searches, and add --diagnose.",
    ),
    "failed_checks": FlagMeaning(
        "a check against masked gradients failed for this family of shifts",
        "Read the checks on the page: each says what to run next.",
    ),
    "catastrophic_overfitting": FlagMeaning(
        "in training, held-out accuracy under attack fell below half of its best while that on the method's own moves held: the"
        " network fools one search only",
        "Train with more attack steps, as adversarial does.",
    ),
    "robust_overfitting": FlagMeaning(
        "in training, held-out accuracy under attack fell by more than three standard errors while that in training grew",
        "Train for fewer epochs, or average weights; the best epoch is kept.",
    ),
    "nothing_learned": FlagMeaning(
        "in training, no epoch was right on held-out examples more often than one answer to all of them would be",
        "Train longer, or with another learning rate.",
    ),
    "nan_loss": FlagMeaning(
        "the loss in training was not a number: it stopped, and the best epoch before it is kept",
        "Lower the learning rate, or clip gradients.",
    ),
    "nonfinite_scores": FlagMeaning(
        "the model gave NaN or infinity; such answers count as wrong",
        "Mend the model: look for a division by zero or an overflow.",
    ),
    "nothing_to_edit": FlagMeaning(
        "some inputs have nothing that a shift by edits can change, such as a text of one letter: they stay as they are",
        "Leave such inputs out, or choose a shift that edits what they hold.",
    ),
}
