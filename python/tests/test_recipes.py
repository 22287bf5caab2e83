import numpy as np
import pytest

import tamp


def test_a_method_is_a_recipe_of_names():
    recipe = tamp.wanda(sparsity=0.6)
    assert (recipe.score, recipe.pattern, recipe.allocate, recipe.sparsity) == ("wanda", "per_row", "uniform", 0.6)
    assert recipe.label == "wanda, uniform 0.6, per_row"
    assert "wanda, uniform 0.6, per_row" in repr(recipe)
    assert recipe == tamp.compose(score="wanda", sparsity=0.6)
    assert recipe != tamp.compose(score="ria", sparsity=0.6)


def test_the_published_method_is_amia_and_das():
    recipe = tamp.tamp(sparsity=0.5)
    assert (recipe.score, recipe.allocate) == ("amia", "das")


def test_a_pattern_of_neighbours_fixes_the_sparsity():
    recipe = tamp.wanda(pattern="1:4")
    assert recipe.sparsity == 0.75
    assert recipe.label == "wanda, 1:4"
    assert tamp.wanda(sparsity=0.75, pattern="1:4") == recipe
    with pytest.raises(tamp.ValueError_, match="the pattern 1:4 fixes the sparsity at 0.75, and 0.5 is asked for"):
        tamp.wanda(sparsity=0.5, pattern="1:4")
    with pytest.raises(tamp.ValueError_, match="leave the allocation owl out"):
        tamp.owl(pattern="2:4")


def test_a_plan_gives_a_recipe_the_sparsity_of_a_layer():
    assert tamp.owl(sparsity=0.7).at(0.65) == tamp.wanda(sparsity=0.65)


@pytest.mark.parametrize(
    "names, sentence",
    [
        ({"score": "wonder"}, 'there is no score called "wonder": the names are magnitude, wanda'),
        ({"pattern": "3:5"}, 'there is no pattern called "3:5": the names are per_row, per_tensor, 1:2'),
        ({"allocate": "even"}, 'there is no allocation called "even": the names are uniform, owl'),
        ({"sparsity": 1.5}, "1.5"),
    ],
)
def test_unknown_names_and_numbers_are_refused(names, sentence):
    with pytest.raises(tamp.ValueError_, match=sentence):
        tamp.compose(**names)


def test_errors_are_those_of_python_too():
    assert issubclass(tamp.ShapeError, (tamp.Error, ValueError))
    assert issubclass(tamp.ShapeError, ValueError) and issubclass(tamp.ValueError_, ValueError)
    assert issubclass(tamp.FileError, OSError) and issubclass(tamp.FileError, tamp.Error)


def test_the_version_is_that_of_the_library():
    from tamp import _tamp

    assert tamp.__version__ == _tamp.version


def test_equal_recipes_are_one_key_and_masks_are_none():
    assert len({tamp.wanda(0.5), tamp.wanda(0.5), tamp.wanda(0.6)}) == 2
    for changing in (tamp.ColumnNorm(), tamp.Mask(np.ones((1, 2)))):
        with pytest.raises(TypeError, match="unhashable"):
            hash(changing)
