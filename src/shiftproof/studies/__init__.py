"""Published claims, re-measured with the library's own parts: one file, one claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.studies.abstract import Prediction, Study
    from shiftproof.studies.quantity import Quantity, difference, share
    from shiftproof.studies.record import StudyRecord
    from shiftproof.studies.run import read_studies, run_study
    from shiftproof.studies.trial import Trial

_HOME = "shiftproof.studies"
studies: Registry[Study] = Registry(
    "study",
    f"{_HOME}.abstract:Study",
    {
        "learning_from_errors": f"{_HOME}.learning_from_errors:LearningFromErrors",
        "cross_domain_errors": f"{_HOME}.cross_domain_errors:CrossDomainErrors",
        "adversarial_errors": f"{_HOME}.adversarial_errors:AdversarialErrors",
        "robust_and_nonrobust_features": f"{_HOME}.robust_and_nonrobust_features:RobustAndNonrobustFeatures",
        "high_frequency_generalisation": f"{_HOME}.high_frequency_generalisation:HighFrequencyGeneralisation",
        "adversarial_training_and_corruptions": f"{_HOME}.adversarial_training_and_corruptions:AdversarialTrainingAndCorruptions",
        "gaussian_noise_and_adversarial": f"{_HOME}.gaussian_noise_and_adversarial:GaussianNoiseAndAdversarial",
        "madry_minmax": f"{_HOME}.madry_minmax:MadryMinmax",
        "robustness_accuracy_tradeoff": f"{_HOME}.robustness_accuracy_tradeoff:RobustnessAccuracyTradeoff",
        "accuracy_disparity": f"{_HOME}.accuracy_disparity:AccuracyDisparity",
        "simplicity_bias": f"{_HOME}.simplicity_bias:SimplicityBias",
        "group_dro_regularisation": f"{_HOME}.group_dro_regularisation:GroupDroRegularisation",
        "defence_table": f"{_HOME}.defence_table:DefenceTable",
    },
)

__all__ = ["Prediction", "Quantity", "Study", "StudyRecord", "Trial", "difference", "read_studies", "run_study", "share", "studies"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Prediction": "abstract",
        "Study": "abstract",
        "Quantity": "quantity",
        "difference": "quantity",
        "share": "quantity",
        "StudyRecord": "record",
        "read_studies": "run",
        "run_study": "run",
        "Trial": "trial",
    },
)
