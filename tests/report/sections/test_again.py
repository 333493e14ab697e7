from report.conftest import text_of


def test_a_model_has_no_command_to_repeat(of_a_model):
    assert "there is no command to repeat" in text_of(of_a_model.read_text(), "again")
