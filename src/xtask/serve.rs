//! A static file server for the demo, on this machine only.
//!
//! It answers GET and HEAD under the policy a careful shop would set: nothing
//! from elsewhere, WebAssembly allowed. Files are read for every request, so a
//! rebuild is seen without a restart.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::error::Error;

/// What every answer carries.
const HEADERS: &str = "Content-Security-Policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' data:; worker-src 'self'; connect-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: no-referrer\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Cache-Control: no-cache\r\n";

/// Most bytes of a request's line and headers.
const REQUEST_LIMIT: u64 = 16 * 1024;

/// How long a connection may be silent. Browsers open some in advance.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves a folder until the process ends. Returns the address.
///
/// Port 0 takes a free one.
pub(crate) fn serve(folder: &Path, port: u16) -> Result<SocketAddr, Error> {
    let root = Arc::new(folder.canonicalize().map_err(Error::file(folder))?);
    let busy = |source| Error::Start { program: format!("a server on port {port}"), source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(busy)?;
    let address = listener.local_addr().map_err(busy)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let root = Arc::clone(&root);
            // A broken connection is the browser's business.
            thread::spawn(move || drop(converse(stream, &root)));
        }
    });
    Ok(address)
}

/// Answers the requests of one connection, one after the other.
fn converse(stream: TcpStream, root: &Path) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Request::read(&mut reader)? {
        let answer = respond(root, &request);
        let body = if request.method == "HEAD" { &[][..] } else { &answer.body };
        let mut head = format!("HTTP/1.1 {}\r\n{HEADERS}Content-Length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        writer.write_all(head.as_bytes())?;
        writer.write_all(body)?;
    }
    Ok(())
}

/// The parts of a request that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    method: String,
    target: String,
    /// The tag of the copy the browser has.
    known: Option<String>,
}

impl Request {
    /// Reads one request; `None` at the end of the connection or where it makes no sense.
    fn read(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<Self>> {
        let mut limited = reader.take(REQUEST_LIMIT);
        let mut line = String::new();
        limited.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let mut request = Self { method: method.to_owned(), target: target.to_owned(), known: None };
        loop {
            let mut header = String::new();
            if limited.read_line(&mut header)? == 0 {
                return Ok(None);
            }
            match header.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("if-none-match") => {
                    request.known = Some(value.trim().to_owned());
                }
                Some(_) => {}
                None => return Ok(Some(request)),
            }
        }
    }
}

/// What goes back, without the headers that every answer has.
#[derive(Debug)]
struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn plain(status: &'static str) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".to_owned())];
        Self { status, headers, body: format!("{status}\n").into_bytes() }
    }
}

fn respond(root: &Path, request: &Request) -> Answer {
    if request.method != "GET" && request.method != "HEAD" {
        let mut answer = Answer::plain("405 Method Not Allowed");
        answer.headers.push(("Allow", "GET, HEAD".to_owned()));
        return answer;
    }
    let found = inside(&request.target).and_then(|path| {
        let mut path = root.join(path).canonicalize().ok()?;
        if path.is_dir() {
            path = path.join("index.html").canonicalize().ok()?;
        }
        // A link may lead out of the folder.
        let body = path.starts_with(root).then(|| fs::read(&path).ok())??;
        Some((path, body))
    });
    let Some((path, body)) = found else { return Answer::plain("404 Not Found") };
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let mut headers = vec![("ETag", tag.clone())];
    if request.known.as_ref() == Some(&tag) {
        return Answer { status: "304 Not Modified", headers, body: Vec::new() };
    }
    headers.push(("Content-Type", mime(&path).to_owned()));
    Answer { status: "200 OK", headers, body }
}

/// The path below the served folder that a request's target names; `None` where it tries to leave it.
fn inside(target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.strip_prefix('/')?;
    let decoded = decode(path)?;
    if decoded.contains(['\0', '\\']) {
        return None;
    }
    let path = PathBuf::from(decoded);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

/// Resolves `%41` and the like; `None` for a broken escape or bytes that are not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The type a browser needs to hear to use a file as what it is.
fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_leaves_the_folder_names_nothing() {
        for target in ["/../secret", "/a/../../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd", "/a\\..\\b"] {
            assert_eq!(inside(target), None, "{target}");
        }
        for target in ["secret", "http://elsewhere/", "/%00", "/%zz", "/%ff", "/%4"] {
            assert_eq!(inside(target), None, "{target}");
        }
    }

    #[test]
    fn a_target_names_a_path_without_its_query() {
        assert_eq!(inside("/"), Some(PathBuf::new()));
        assert_eq!(inside("/assets/a%20b.js?v=1"), Some(PathBuf::from("assets/a b.js")));
    }

    #[test]
    fn webassembly_and_modules_have_the_types_browsers_insist_on() {
        assert_eq!(mime(Path::new("a/b.wasm")), "application/wasm");
        assert_eq!(mime(Path::new("a/b.js")), "text/javascript; charset=utf-8");
        assert_eq!(mime(Path::new("model.onnx")), "application/octet-stream");
    }

    #[test]
    fn a_request_is_read_with_the_tag_it_knows() {
        let mut bytes = &b"GET /a HTTP/1.1\r\nHost: b\r\nIf-None-Match: \"12\"\r\n\r\nGET /next"[..];
        let request = Request::read(&mut bytes).expect("memory can be read");
        let expected = Request { method: "GET".into(), target: "/a".into(), known: Some("\"12\"".into()) };
        assert_eq!(request, Some(expected));
        assert_eq!(bytes, b"GET /next");
    }

    #[test]
    fn a_request_that_never_ends_is_dropped() {
        let mut bytes = b"GET /a HTTP/1.1\r\n".to_vec();
        bytes.extend(b"X: y\r\n".repeat(10_000));
        assert_eq!(Request::read(&mut bytes.as_slice()).expect("memory can be read"), None);
    }

    /// A folder with a page and a file, beside a file that must not be served.
    fn site(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("nearside-serve-{name}-{}", std::process::id()));
        let site = folder.join("site");
        fs::create_dir_all(&site).expect("the temporary folder can be written");
        fs::write(site.join("index.html"), "<p>home").expect("the folder was just made");
        fs::write(folder.join("secret"), "secret").expect("the folder was just made");
        site.canonicalize().expect("the folder was just made")
    }

    fn get(target: &str) -> Request {
        Request { method: "GET".into(), target: target.into(), known: None }
    }

    #[test]
    fn a_folder_answers_with_its_page_and_a_known_copy_with_nothing() {
        let site = site("page");
        let first = respond(&site, &get("/"));
        assert_eq!((first.status, first.body.as_slice()), ("200 OK", &b"<p>home"[..]));
        let again = respond(&site, &Request { known: Some(first.headers[0].1.clone()), ..get("/index.html") });
        assert_eq!((again.status, again.body.len()), ("304 Not Modified", 0));
        assert_eq!(respond(&site, &get("/absent")).status, "404 Not Found");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_not_followed() {
        let site = site("link");
        let link = site.join("link");
        if !link.exists() {
            std::os::unix::fs::symlink("../secret", &link).expect("the folder was just made");
        }
        assert_eq!(respond(&site, &get("/link")).status, "404 Not Found");
    }

    #[test]
    fn nothing_can_be_written() {
        let request = Request { method: "PUT".into(), ..get("/") };
        assert_eq!(respond(&site("put"), &request).status, "405 Method Not Allowed");
    }
}
