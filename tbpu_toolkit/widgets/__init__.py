"""The panels: thin views, in which every click calls a public function or edits the mapping."""
