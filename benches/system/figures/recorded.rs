//! Prepared statements in a server's log.

pub(super) struct Statement {
    pub(super) text: String,
    /// As text; NULL is `NULL`.
    pub(super) parameters: Vec<String>,
}

impl Statement {
    /// The text with something else for each `$number`.
    pub(super) fn bind(&self, mut with: impl FnMut(usize) -> String) -> String {
        let mut parts = self.text.split('$');
        let mut bound = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let number = part[..digits].parse().expect("a parameter has a number");
            bound.push_str(&with(number));
            bound.push_str(&part[digits..]);
        }
        bound
    }
}

/// In the order of the log. The worker's statements have one line each.
pub(super) fn recorded(log: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for line in log.lines() {
        if let Some((_, executed)) = line.split_once("LOG:  execute ") {
            let (_, text) = executed.split_once(": ").unwrap_or_default();
            statements.push(Statement {
                text: text.to_owned(),
                parameters: Vec::new(),
            });
        } else if let (Some((_, list)), Some(last)) = (
            line.split_once("DETAIL:  parameters: "),
            statements.last_mut(),
        ) {
            last.parameters = parameters(list);
        }
    }
    statements
}

/// `$1 = 'it''s', $2 = NULL`
fn parameters(list: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(quoted) = value.strip_prefix('\'') else {
            let (null, behind) = value.split_once(", ").unwrap_or((value, ""));
            values.push(null.to_owned());
            rest = behind;
            continue;
        };
        let mut text = String::new();
        let mut characters = quoted.char_indices().peekable();
        rest = "";
        while let Some((at, character)) = characters.next() {
            if character != '\'' {
                text.push(character);
            } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
                text.push('\'');
            } else {
                rest = &quoted[at + 1..];
                break;
            }
        }
        values.push(text);
    }
    values
}
