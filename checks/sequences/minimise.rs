//! Makes a sequence that differs as short as can be: fewer lines, and lines with fewer words.

/// The shortest sequence found that still fails. `fails` says whether one does.
pub fn minimise(sequence: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let mut lines: Vec<String> = sequence.lines().map(str::to_owned).collect();
    loop {
        let before = lines.clone();
        drop_lines(&mut lines, &mut fails);
        drop_words(&mut lines, &mut fails);
        if lines == before {
            return lines.join("\n") + "\n";
        }
    }
}

/// Drops ever smaller parts.
fn drop_lines(lines: &mut Vec<String>, fails: &mut impl FnMut(&str) -> bool) {
    let mut size = (lines.len() / 2).max(1);
    loop {
        let mut from = 0;
        while from < lines.len() {
            let mut fewer = lines.clone();
            fewer.drain(from..(from + size).min(lines.len()));
            if fails(&fewer.join("\n")) {
                *lines = fewer;
            } else {
                from += size;
            }
        }
        if size == 1 {
            return;
        }
        size = size.div_ceil(2);
    }
}

/// Drops fields, and words after the first three, which say what a line is.
fn drop_words(lines: &mut [String], fails: &mut impl FnMut(&str) -> bool) {
    for index in 0..lines.len() {
        let mut at = 1;
        loop {
            let words: Vec<String> = lines[index].split_whitespace().map(str::to_owned).collect();
            let Some(word) = words.get(at) else { break };
            if at < 3 && !word.contains('=') {
                at += 1;
                continue;
            }
            let mut fewer = words.clone();
            fewer.remove(at);
            let mut shorter = lines.to_vec();
            shorter[index] = fewer.join(" ");
            if fails(&shorter.join("\n")) {
                lines[index] = fewer.join(" ");
            } else {
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::minimise;

    #[test]
    fn keeps_what_is_needed_and_nothing_else() {
        let sequence = "a 1 2\nb 1 2 x=1 y=2\nc 1\nd 1 2 z=3\ne 1\n";
        let fails = |text: &str| text.contains("y=2") && text.contains("d 1");
        assert_eq!(minimise(sequence, fails), "b 1 2 y=2\nd 1 2\n");
    }
}
