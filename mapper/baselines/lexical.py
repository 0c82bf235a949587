"""Four lexical rankings over counted words: TF-IDF, BM25, the plain vector space model and latent semantic indexing.

As their libraries have them (scikit-learn, bm25s), with usual settings; English stop words are left out of all four.
TF-IDF: 1 + log tf, smoothed idf, cosine. VSM: raw counts, cosine. LSI: 100 dimensions of the TF-IDF matrix, cosine.
BM25: Lucene's form, k1 1.5, b 0.75, each word of the query once.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mapper.baselines.texts import TextIndex
from mapper.errors import MapperError

if TYPE_CHECKING:
    import numpy as np

LEXICAL = ("tfidf", "bm25", "vsm", "lsi")
LSI_DIMENSIONS = 100
SEED = 0

Ranker = Callable[[str], "np.ndarray"]
"""Gives for a query text one score a text of the index; 0 or less: nothing in common."""


def make_ranker(method: str, index: TextIndex) -> Ranker:
    """Return the scorer of a method over an index. Raises MapperError for a method that is not in LEXICAL."""
    makers: dict[str, Callable[[TextIndex], Ranker]] = {"tfidf": _tfidf, "bm25": _bm25, "vsm": _vsm, "lsi": _lsi}
    if method not in makers:
        raise MapperError(f"baseline {method!r}: one of {', '.join(LEXICAL)} expected")
    if not index.names or not index.vocabulary:
        import numpy as np

        return lambda text: np.zeros(len(index.names), dtype=np.float32)
    return makers[method](index)


def _vsm(index: TextIndex) -> Ranker:
    from sklearn.preprocessing import normalize

    kept = _meaningful(index)
    rows = normalize(index.counts @ kept)
    return lambda text: _dense(rows @ normalize(index.query(text) @ kept).T)


def _tfidf(index: TextIndex) -> Ranker:
    rows, weigh = _weighted(index)
    return lambda text: _dense(rows @ weigh(text).T)


def _lsi(index: TextIndex) -> Ranker:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    rows, weigh = _weighted(index)
    num_dimensions = min(LSI_DIMENSIONS, min(rows.shape) - 1)
    if num_dimensions < 1:
        return lambda text: _dense(rows @ weigh(text).T)
    reduction = TruncatedSVD(num_dimensions, random_state=SEED)
    with threadpool_limits(limits=1):  # on a busy machine, threads that wait for one another take ten times as long
        reduced = normalize(reduction.fit_transform(rows))
    return lambda text: _flat(reduced @ normalize(reduction.transform(weigh(text))).T)


def _bm25(index: TextIndex) -> Ranker:
    import bm25s
    import numpy as np

    counts = index.counts
    documents = [
        np.repeat(
            counts.indices[counts.indptr[row] : counts.indptr[row + 1]],
            counts.data[counts.indptr[row] : counts.indptr[row + 1]].astype(np.int32),
        )
        for row in range(counts.shape[0])
    ]
    model = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    model.index((documents, index.vocabulary), create_empty_token=False, show_progress=False)
    kept = _meaningful(index)

    def scores(text: str) -> "np.ndarray":
        return _flat(model.get_scores_from_ids((index.query(text) @ kept).nonzero()[1]))

    return scores


def _weighted(index: TextIndex) -> tuple[Any, Callable[[str], Any]]:
    """Return the TF-IDF rows of an index, and what makes such a row of a query."""
    from sklearn.feature_extraction.text import TfidfTransformer

    kept = _meaningful(index)
    transformer = TfidfTransformer(sublinear_tf=True)
    rows = transformer.fit_transform(index.counts @ kept)
    return rows, lambda text: transformer.transform(index.query(text) @ kept)


def _meaningful(index: TextIndex) -> Any:
    """Return a diagonal of ones, with zeros for English stop words."""
    import numpy as np
    from scipy.sparse import diags
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    mask = np.ones(len(index.vocabulary), dtype=np.float32)
    mask[[column for word, column in index.vocabulary.items() if word in ENGLISH_STOP_WORDS]] = 0
    return diags(mask, dtype=np.float32, format="csr")


def _dense(column: Any) -> "np.ndarray":
    return _flat(column.toarray())


def _flat(values: "np.ndarray") -> "np.ndarray":
    return values.reshape(-1)
