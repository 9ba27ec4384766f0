//! Tags: those that name a type, and those that only a program understands.

/// Tags of common programs that use YAML.
const KNOWN_TAGS: [&str; 16] = [
    "!secret",
    "!include",
    "!include_dir_list",
    "!include_dir_merge_list",
    "!include_dir_named",
    "!include_dir_merge_named",
    "!env_var",
    "!ENV",
    "!lambda",
    "!extend",
    "!remove",
    "!input",
    "!vault",
    "!reset",
    "!override",
    "!reference",
];
/// Types of YAML 1.1 that JSON lacks.
const CORE_TAGS: [&str; 7] = [
    "binary",
    "timestamp",
    "set",
    "omap",
    "pairs",
    "merge",
    "value",
];

pub(super) fn custom(tag: &str) -> String {
    if tag == "!" {
        return "YAML readers differ on the tag !".to_owned();
    }
    // A password may start with `!` too, so only known tags are quoted in the message.
    let is_known = KNOWN_TAGS.contains(&tag)
        || tag
            .strip_prefix("!!")
            .is_some_and(|name| CORE_TAGS.contains(&name));
    let tag = if is_known { tag } else { "its tag" };
    format!("{tag} is only understood by the program it belongs to")
}

/// Whether a tag is `!!NAME` for one of `names`, in any of its spellings.
pub(super) fn is_core_tag(tag: &str, names: &[&str]) -> bool {
    let verbatim = || tag.strip_prefix("!<tag:yaml.org,2002:")?.strip_suffix('>');
    tag.strip_prefix("!!")
        .or_else(verbatim)
        .is_some_and(|name| names.contains(&name))
}

pub(super) fn is_text_tag(tag: &str) -> bool {
    is_core_tag(tag, &["str"])
}
