"""Published data that several tests of the statistics use."""

import numpy as np


def _table(text: str, columns: int) -> np.ndarray:
    return np.array(text.split(), float).reshape(-1, columns)


# Student (1908), "The probable error of a mean": hours of sleep that ten patients gained with two drugs;
# `sleep` in R.
SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

# Hollander & Wolfe (1973), p. 29: Hamilton depression scale of nine patients, two visits; ?wilcox.test in R.
DEPRESSION_1 = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
DEPRESSION_2 = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])

# scikit-learn, "Statistical comparison of models using grid search", 10 times 10-fold of 100 rows: ROC AUC in
# 25ths of the rbf kernel, of the linear kernel, and in how many of the 100 folds; from running its code.
_rbf, _linear, _folds = _table(
    """18 17 2  18 19 1  18 21 1  19 19 3  20 20 1  20 21 3  21 20 3  21 21 2  22 21 2  22 22 1  22 23 2
    23 21 1  23 22 4  23 23 9  23 24 4  23 25 2  24 23 6  24 24 3  25 20 1  25 23 3  25 24 12  25 25 34""",
    3,
).T
AUC_RBF, AUC_LINEAR = (np.repeat(auc, _folds.astype(int)) / 25 for auc in (_rbf, _linear))

# Demsar (2006), table 6: AUC of C4.5, C4.5+m, C4.5+cf, C4.5+m+cf on 14 datasets. On voting the paper prints
# .975 twice and ranks them 2 and 3, so its own numbers had more digits: .9751 here.
DEMSAR = _table(
    """.763 .768 .771 .798  .599 .591 .590 .569  .954 .971 .968 .967  .628 .661 .654 .657  .882 .888 .886 .898
    .936 .931 .916 .931  .661 .668 .609 .685  .583 .583 .563 .625  .775 .838 .866 .875  1 1 1 1
    .940 .962 .965 .962  .619 .666 .614 .669  .972 .981 .9751 .975  .957 .978 .946 .970""",
    4,
)

# Hollander & Wolfe (1973), p. 140: times of 22 baseball players who round first base in three ways;
# ?friedman.test in R.
ROUNDING_TIMES = _table(
    """5.40 5.50 5.55  5.85 5.70 5.75  5.20 5.60 5.50  5.55 5.50 5.40  5.90 5.85 5.70  5.45 5.55 5.60
    5.40 5.40 5.35  5.45 5.50 5.35  5.25 5.15 5.00  5.85 5.80 5.70  5.25 5.20 5.10  5.65 5.55 5.45
    5.60 5.35 5.45  5.05 5.00 4.95  5.50 5.50 5.40  5.45 5.55 5.50  5.55 5.55 5.35  5.45 5.50 5.55
    5.50 5.45 5.25  5.65 5.60 5.40  5.70 5.65 5.55  6.30 6.30 6.25""",
    3,
)
