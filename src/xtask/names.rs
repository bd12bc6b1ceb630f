//! Reading a finished module: its sections, and which crate each function came from.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use wasmparser::{KnownCustom, Name, Parser, Payload};

/// Length of the magic number and version at the start of every module.
const HEADER: usize = 8;

/// The module without names, producers and target features: what is shipped.
///
/// The text of an error says what is wrong with the bytes.
pub(crate) fn without_custom_sections(module: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = module.get(..HEADER).ok_or("not a WebAssembly module")?.to_vec();
    let mut from = HEADER;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| error.to_string())?;
        // A section's range is its body; its id and length stand before it, where the last section ended.
        if let Some((id, body)) = payload.as_section() {
            if id != 0 {
                kept.extend_from_slice(module.get(from..body.end).ok_or("a section ends outside the module")?);
            }
            from = body.end;
        }
    }
    Ok(kept)
}

/// Bytes of a module by the crate they came from, largest first.
///
/// A function inlined into another counts for the crate of the other. What is
/// not code stands under `(data)` and `(other)`.
pub(crate) fn bytes_by_crate(module: &[u8]) -> Result<Vec<(String, usize)>, String> {
    let mut imported = 0;
    let mut bodies: Vec<Range<usize>> = Vec::new();
    let mut names: HashMap<u32, String> = HashMap::new();
    let mut sums: BTreeMap<String, usize> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|error| error.to_string())?;
        match &payload {
            Payload::ImportSection(imports) => imported = functions_of(imports.clone())?,
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(reader) = section.as_known() {
                    for part in reader {
                        if let Name::Function(map) = part.map_err(|error| error.to_string())? {
                            for name in map {
                                let name = name.map_err(|error| error.to_string())?;
                                names.insert(name.index, name.name.to_owned());
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionStart { .. } => {}
            other => {
                if let Some((_, range)) = other.as_section() {
                    let group = if matches!(other, Payload::DataSection(_)) { "(data)" } else { "(other)" };
                    *sums.entry(group.to_owned()).or_default() += range.len();
                }
            }
        }
    }
    for (index, body) in (imported..).zip(bodies) {
        let krate = names.get(&index).map_or_else(|| "(unnamed)".to_owned(), |name| crate_of(name));
        *sums.entry(krate).or_default() += body.len();
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(sums)
}

/// How many functions a module imports; they come before its own in the numbering.
fn functions_of(imports: wasmparser::ImportSectionReader<'_>) -> Result<u32, String> {
    let mut count = 0;
    for import in imports.into_imports() {
        let import = import.map_err(|error| error.to_string())?;
        count += u32::from(matches!(import.ty, wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_)));
    }
    Ok(count)
}

/// The crate whose code a symbol is: of `<a::T as b::Trait>::f` the crate of the type, unless that is the language's own.
fn crate_of(symbol: &str) -> String {
    let plain = format!("{:#}", rustc_demangle::demangle(symbol));
    let mut first = None;
    for path in plain.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        // What begins with colons goes on from a bracket: a method, not a crate.
        let Some((head, _)) = path.split_once("::").filter(|(head, _)| !head.is_empty()) else { continue };
        if !matches!(head, "core" | "alloc" | "std") {
            return head.to_owned();
        }
        first.get_or_insert(head);
    }
    first.unwrap_or("(unnamed)").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_crate_of_its_type() {
        assert_eq!(crate_of("nearside_core::rank::Ranker::rank"), "nearside_core");
        assert_eq!(crate_of("<tract_core::ops::MatMul as tract_core::ops::Op>::run"), "tract_core");
        assert_eq!(crate_of("<alloc::vec::Vec<serde_json::Value> as core::ops::drop::Drop>::drop"), "serde_json");
        assert_eq!(crate_of("<T as alloc::vec::Convert>::to_vec"), "alloc");
        assert_eq!(crate_of("core::ptr::drop_in_place<alloc::string::String>"), "core");
        assert_eq!(crate_of("_ZN5tract5model4load17h0123456789abcdefE"), "tract");
        assert_eq!(crate_of("memcpy"), "(unnamed)");
    }

    /// A module with one function that does nothing, a custom section before it and a name section after it.
    fn small_module() -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([0, 5, 4, b't', b'e', b's', b't']);
        module.extend([1, 4, 1, 0x60, 0, 0]);
        module.extend([3, 2, 1, 0]);
        module.extend([10, 4, 1, 2, 0, 0x0b]);
        module.extend([0, 15, 4, b'n', b'a', b'm', b'e', 1, 8, 1, 0, 5, b'a', b':', b':', b'b', b'c']);
        module
    }

    #[test]
    fn stripping_keeps_every_section_but_the_custom_ones() {
        let stripped = without_custom_sections(&small_module()).expect("the module is well formed");
        assert_eq!(stripped, b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b");
    }

    #[test]
    fn a_body_counts_for_the_crate_in_its_name() {
        let sums = bytes_by_crate(&small_module()).expect("the module is well formed");
        assert!(sums.contains(&("a".to_owned(), 2)), "{sums:?}");
    }

    #[test]
    fn bytes_that_are_no_module_are_refused() {
        assert!(without_custom_sections(b"\0as").is_err());
        assert!(without_custom_sections(b"not a wasm file").is_err());
    }
}
