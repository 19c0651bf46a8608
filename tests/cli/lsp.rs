//! `cap lsp` as editors use it: the real binary, spoken to over standard input and output.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::Place;

/// How long an answer may take before it counts as missing: far above any, on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// An editor with a server.
struct Editor {
    place: Place,
    child: Child,
    input: ChildStdin,
    messages: Receiver<Json>,
    next: u64,
    /// What was published last, by file name.
    shown: BTreeMap<String, Json>,
}

fn next(output: &mut BufReader<ChildStdout>) -> Option<Json> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((_, value)) => length = value.parse().expect("a length"),
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("JSON"))
}

impl Editor {
    fn new(files: &[(&str, &str)]) -> Self {
        let mut editor = Self::silent(files);
        let capabilities = json!({"textDocument": {"completion": {"completionItem": {"snippetSupport": true}}}});
        let answer =
            editor.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": capabilities}));
        assert_eq!(answer["result"]["serverInfo"]["name"], "cap");
        editor.tell("initialized", json!({}));
        editor
    }

    /// One that has said nothing yet.
    fn silent(files: &[(&str, &str)]) -> Self {
        let place = Place::new();
        files.iter().for_each(|(name, text)| place.write(name, text));
        let mut command = place.command("lsp");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cap runs");
        let input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, messages) = channel();
        std::thread::spawn(move || while next(&mut output).is_some_and(|message| sender.send(message).is_ok()) {});
        Self { place, child, input, messages, next: 0, shown: BTreeMap::new() }
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).expect("it reads");
    }

    fn send(&mut self, message: &Json) {
        let text = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Json) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The answer to a request; what is published meanwhile is kept.
    fn ask(&mut self, method: &str, params: Json) -> Json {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    fn receive(&mut self) -> Json {
        let message = self.messages.recv_timeout(PATIENCE).expect("a message");
        self.keep(&message);
        message
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}/{name}", self.place.path().display())
    }

    fn open(&mut self, name: &str, text: &str) {
        let file = json!({"uri": self.uri(name), "languageId": "cap", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": file}));
    }

    fn change(&mut self, name: &str, changes: Json) {
        let file = json!({"uri": self.uri(name), "version": 2});
        self.tell("textDocument/didChange", json!({"textDocument": file, "contentChanges": changes}));
    }

    /// Reads until what is shown of a file is this: `line:character code`, in order.
    fn shows(&mut self, name: &str, expected: &[&str]) {
        let place = |one: &Json| {
            let start = &one["range"]["start"];
            format!("{}:{} {}", start["line"], start["character"], one["code"].as_str().unwrap_or(""))
        };
        loop {
            let shown = self.shown.get(name).and_then(Json::as_array);
            let mut found: Vec<String> = shown.into_iter().flatten().map(place).collect();
            found.sort();
            if shown.is_some() && found == expected {
                return;
            }
            let waiting = self.messages.recv_timeout(PATIENCE);
            let Ok(message) = waiting else { panic!("{name} shows {found:?}, and {expected:?} never comes") };
            self.keep(&message);
        }
    }

    fn keep(&mut self, message: &Json) {
        if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"].as_str().expect("a URI");
            let name = uri.rsplit_once(&*self.place.path().to_string_lossy()).expect("of this place").1;
            self.shown.insert(name[1..].to_owned(), message["params"]["diagnostics"].clone());
        }
    }

    /// Opens a file at the mark `|` of its text, and asks there.
    fn at(&mut self, what: &str, marked: &str) -> Json {
        let at = marked.find('|').expect("a mark");
        let (line, begin) = (marked[..at].matches('\n').count(), marked[..at].rfind('\n').map_or(0, |end| end + 1));
        let character = marked[begin..at].encode_utf16().count();
        self.open("main.cap.hcl", &marked.replacen('|', "", 1));
        let place = json!({"line": line, "character": character});
        let params = json!({"textDocument": {"uri": self.uri("main.cap.hcl")}, "position": place});
        self.ask(&format!("textDocument/{what}"), params)["result"].clone()
    }

    fn leave(mut self) {
        assert_eq!(self.ask("shutdown", Json::Null)["result"], Json::Null);
        assert_eq!(self.ask("textDocument/hover", json!({}))["error"]["code"], -32600);
        self.tell("exit", Json::Null);
        assert!(self.child.wait().expect("an end").success());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const MODULE: &str = r#"
variable "zone" {
  type        = string
  description = "The zone's apex."
}

output "apex" {
  value = var.zone
}
"#;

const MAIN: &str = r#"variable "unset" {}
variable "hosts" {
  type    = map(object({ address = string }))
  default = {}
}
locals {
  names = keys(var.hosts)
}
project "p" {}
zone "z" {
  project = project.p
  apex    = "example.com"
  credential = dns_credential.c
}
module "m" {
  source = "./m"
  zone   = zone.z.apex
}
dns_credential "c" {
  provider   = "rfc2136"
  server     = "127.0.0.1:53"
  key_name   = "bench"
  key_secret = secret_env("TSIG")
}
"#;

fn labels(completions: &Json) -> Vec<&str> {
    completions["items"].as_array().expect("items").iter().filter_map(|item| item["label"].as_str()).collect()
}

#[test]
fn faults_are_shown_as_they_come_and_go() {
    let mut editor = Editor::new(&[("m/main.cap.hcl", MODULE), ("other.cap.hcl", "locals {\n  a = locla.names\n}\n")]);
    editor.open("main.cap.hcl", MAIN);
    editor.shows("main.cap.hcl", &[]);
    editor.shows("other.cap.hcl", &["1:6 CAP0111"]);
    // A fault of meaning, in the middle of a line that holds more than ASCII.
    editor.open("other.cap.hcl", "locals {\r\n  a = [\"ä𝒳\", local.nothing]\r\n}\r\n");
    editor.shows("other.cap.hcl", &["1:14 CAP0110"]);
    let range =
        |line, from, to| json!({"start": {"line": line, "character": from}, "end": {"line": line, "character": to}});
    editor.change("other.cap.hcl", json!([{"range": range(1, 20, 27), "text": "names"}]));
    editor.shows("other.cap.hcl", &[]);
    // A broken block loses neither its neighbours nor what it was.
    editor.change("main.cap.hcl", json!([{"range": range(11, 12, 25), "text": "zone.z."}]));
    editor.shows("main.cap.hcl", &["11:19 CAP0101"]);
    editor.shows("other.cap.hcl", &[]);
    editor.change("main.cap.hcl", json!([{"text": MAIN.replace("zone   = zone.z.apex", "zoen   = 1")}]));
    editor.shows("main.cap.hcl", &["14:0 CAP0104", "16:2 CAP0103"]);
    // A file in the JSON form belongs to the module, too.
    editor.open("more.cap.json", "{\"locals\": {\"b\": \"${local.nmaes}\"}}");
    editor.shows("more.cap.json", &["0:20 CAP0110"]);
    editor.open("more.cap.json", "{\"locals\": {\"b\": }}");
    editor.shows("more.cap.json", &["0:17 CAP0101"]);
    let file = json!({"textDocument": {"uri": editor.uri("main.cap.hcl")}});
    editor.place.write("main.cap.hcl", MAIN);
    editor.tell("textDocument/didClose", file);
    editor.shows("main.cap.hcl", &[]);
    editor.leave();
}

#[test]
fn what_fits_is_offered() {
    let mut editor = Editor::new(&[("m/main.cap.hcl", MODULE)]);
    let with = |more: &str| format!("{MAIN}{more}");
    for (marked, expected, absent) in [
        (with("cert|"), "certificate", "zone"),
        (with("zone \"y\" {\n  apex = \"a\"\n  |\n}\n"), "project", "apex"),
        (with("certificate \"c\" {\n  key_type = |\n}\n"), "\"ecdsa-p256\"", "\"pem\""),
        (with("certificate \"c\" {\n  key_type = \"ecd|\"\n}\n"), "ecdsa-p256", "rsa-2048"),
        (with("certificate \"c\" {\n  project = |\n}\n"), "project.p", "zone.z"),
        (with("locals {\n  b = var.|\n}\n"), "hosts", "names"),
        (with("locals {\n  b = \"${local.|\n}\n"), "names", "hosts"),
        (with("locals {\n  b = zone.z.|\n}\n"), "apex", "z"),
        (with("locals {\n  b = module.m.|\n}\n"), "apex", "zone"),
        (with("locals {\n  b = var.hosts[\"a\"].|\n}\n"), "address", "hosts"),
        (with("locals {\n  b = jsone|\n}\n"), "jsonencode", "jsondecode"),
        (with("locals {\n  b = ea|\n}\n"), "", "each"),
        (with("zone \"y\" {\n  for_each = var.hosts\n  apex = each.|\n}\n"), "key", "index"),
        (with("module \"n\" {\n  source = \"./m\"\n  |\n}\n"), "zone", "apex"),
        (with("variable \"x\" {\n  type = |\n}\n"), "object", "jsonencode"),
    ] {
        let answer = editor.at("completion", &marked);
        let labels = labels(&answer);
        assert!(expected.is_empty() || labels.contains(&expected), "{marked}: {labels:?}");
        assert!(!labels.contains(&absent), "{marked}: {labels:?}");
    }
    let snippet = editor.at("completion", "cert|");
    let edit = snippet["items"].as_array().expect("items").iter().find(|item| item["label"] == "certificate");
    assert_eq!(edit.expect("certificate")["textEdit"]["newText"], "certificate \"${1:name}\" {\n  $0\n}");
    editor.leave();
}

#[test]
fn words_are_explained_and_found() {
    let mut editor = Editor::new(&[("m/main.cap.hcl", MODULE)]);
    let with = |more: &str| format!("{MAIN}{more}");
    for (marked, part) in [
        (with("locals {\n  b = var.ho|sts\n}\n"), "map(object({ address = string }))"),
        (with("locals {\n  b = local.na|mes\n}\n"), "names = keys(var.hosts)"),
        (with("locals {\n  b = zone.z.ap|ex\n}\n"), "apex = \"example.com\""),
        (with("locals {\n  b = jo|in(\",\", [])\n}\n"), "join(separator"),
        (with("locals {\n  b = module.m.ap|ex\n}\n"), "apex = var.zone"),
        (MAIN.replace("zone   = zone", "zo|ne   = zone"), "The zone's apex."),
        (MAIN.replace("apex    =", "ap|ex    ="), "required"),
        (MAIN.replace("project \"p\"", "pro|ject \"p\""), "resource"),
        (MAIN.replace("zone.z.apex", "zone.z|.apex"), "zone \"z\" {"),
    ] {
        let answer = editor.at("hover", &marked);
        let text = answer["contents"]["value"].as_str().unwrap_or("");
        assert!(text.contains(part), "{marked}: {answer}");
    }
    for (marked, file, line, character) in [
        (with("locals {\n  b = var.ho|sts\n}\n"), "main.cap.hcl", 1, 9),
        (with("locals {\n  b = local.na|mes\n}\n"), "main.cap.hcl", 6, 2),
        (with("output \"o\" {\n  value = zone.z|\n}\n"), "main.cap.hcl", 9, 5),
        (with("output \"o\" {\n  value = zone.z.ap|ex\n}\n"), "main.cap.hcl", 11, 2),
        (with("output \"o\" {\n  value = module.|m\n}\n"), "m/main.cap.hcl", 0, 0),
        (with("output \"o\" {\n  value = module.m.ap|ex\n}\n"), "m/main.cap.hcl", 6, 7),
        (MAIN.replace("\"./m\"", "\"./|m\""), "m/main.cap.hcl", 0, 0),
        (MAIN.replace("zone   = zone", "zo|ne   = zone"), "m/main.cap.hcl", 1, 9),
    ] {
        let answer = editor.at("definition", &marked);
        assert_eq!(answer["uri"], editor.uri(file), "{marked}: {answer}");
        let start = &answer["range"]["start"];
        // Labels are in quotes.
        let column = start["character"].as_u64().expect("a column");
        assert!(start["line"] == line && column.abs_diff(character) <= 1, "{marked}: {answer}");
    }
    let nothing = editor.at("definition", "locals {\n  a = local.no|thing\n}\n");
    assert_eq!(nothing, Json::Null);
    editor.leave();
}

#[test]
fn signatures_symbols_and_layout_are_answered() {
    let mut editor = Editor::new(&[]);
    let help = editor.at("signatureHelp", "locals {\n  a = format(\"%s\", [1, 2], |\n}\n");
    assert!(help["signatures"][0]["label"].as_str().is_some_and(|label| label.starts_with("format(")), "{help}");
    assert_eq!(help["activeParameter"], 1, "{help}");
    let symbols = editor.at("documentSymbol", "|# c\nzone \"a\" {\n  apex = \"x\"\n}\n\nlocals {}\n");
    let names: Vec<&str> = symbols.as_array().expect("symbols").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["a", "locals"]);
    assert_eq!(symbols[0]["range"], json!({"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 1}}));
    let edits = editor.at("formatting", "|locals {\r\n  ä=\"𝒳\" # 𝒳\r\n  bb   = 1\r\n}\r\n");
    assert_eq!(edits.as_array().map(Vec::len), Some(1), "{edits}");
    assert_eq!(editor.at("formatting", "|locals {\n}\n"), json!([]));
    assert_eq!(editor.at("formatting", "|locals {\n"), Json::Null);
    editor.leave();
}

#[test]
fn every_message_is_survived() {
    let mut editor = Editor::silent(&[]);
    assert_eq!(editor.ask("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.raw(b"Content-Length: 3\r\n\r\n{]}");
    assert_eq!(editor.receive()["error"]["code"], -32700);
    editor.raw(b"nonsense\r\n\r\nContent-Length: x\r\n\r\n");
    for garbage in [json!([]), json!(1), json!({}), json!({"id": 1}), json!({"method": 5, "id": 2})] {
        editor.send(&garbage);
        assert_eq!(editor.receive()["error"]["code"], -32600, "{garbage}");
    }
    editor.tell("textDocument/didOpen", json!({}));
    editor.ask("initialize", json!({"capabilities": {}}));
    for params in [json!(null), json!({"textDocument": {"uri": 5}}), json!({"textDocument": {"uri": "untitled:x"}})] {
        assert_eq!(editor.ask("textDocument/hover", params.clone())["error"]["code"], -32602, "{params}");
    }
    assert_eq!(editor.ask("no/such", Json::Null)["error"]["code"], -32601);
    editor.tell("textDocument/didChange", json!({"textDocument": {}}));
    editor.tell("$/cancelRequest", json!({"id": 1}));
    // Mutations of a conversation that makes sense: case n is a function of n alone.
    let mut state = 0x9e37_79b9_u64;
    let mut number = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    editor.open("main.cap.hcl", MAIN);
    let texts = ["\"${", "}", "{", "\n", "<<E\n", "zone \"q\" {\n", "𝒳", "\r", "= var.", "/*", "local.names[", ""];
    for _ in 0..300 {
        let mut place = || json!({"line": number(20), "character": number(30)});
        let (start, end) = (place(), place());
        let text = texts[number(texts.len())];
        editor.change("main.cap.hcl", json!([{"range": {"start": start, "end": end}, "text": text}]));
        let methods = ["completion", "hover", "definition", "signatureHelp", "documentSymbol", "formatting"];
        let method = format!("textDocument/{}", methods[number(methods.len())]);
        let place = json!({"line": number(25), "character": number(30)});
        let params = json!({"textDocument": {"uri": editor.uri("main.cap.hcl")}, "position": place});
        assert!(editor.ask(&method, params).get("result").is_some(), "{method}");
    }
    editor.leave();
}

#[test]
fn what_changes_on_disk_is_seen() {
    let mut editor = Editor::silent(&[("other.cap.hcl", "locals {\n  a = 1\n}\n")]);
    let capabilities = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    editor.ask("initialize", json!({"capabilities": capabilities}));
    editor.tell("initialized", json!({}));
    let asked = editor.receive();
    assert_eq!(asked["method"], "client/registerCapability", "{asked}");
    editor.send(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": null}));
    editor.open("main.cap.hcl", "locals {\n  b = local.a + local.c\n}\n");
    editor.shows("main.cap.hcl", &["1:16 CAP0110"]);
    editor.place.write("other.cap.hcl", "locals {\n  a = 1\n  c = 2\n}\n");
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": []}));
    editor.shows("main.cap.hcl", &[]);
    std::fs::remove_file(editor.place.path().join("other.cap.hcl")).expect("it was there");
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": []}));
    editor.shows("main.cap.hcl", &["1:16 CAP0110", "1:6 CAP0110"]);
    editor.leave();
}

#[test]
fn packages_are_held_to_the_lock_file() {
    const SOURCE: &str = "git::https://example.test/x.git";
    let package = cap::eval::package::parse(SOURCE).ok().flatten().expect("a package").package.directory();
    let file = format!("{package}/main.cap.hcl");
    let main = format!("module \"x\" {{\n  source = \"{SOURCE}\"\n}}\n");
    let mut editor = Editor::new(&[(&file, "locals {\n  a = 1\n}\n")]);
    editor.open("main.cap.hcl", &main);
    editor.shows("main.cap.hcl", &["1:11 CAP0174"]);
    let hash = cap::engine::packages::hash(&editor.place.path().join(&package)).expect("a hash");
    editor.place.write(".cap.lock.hcl", format!("module \"{SOURCE}\" {{\n  hash = \"{hash}\"\n}}\n"));
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": []}));
    editor.shows("main.cap.hcl", &[]);
    editor.place.write(&file, "locals {\n  a = 12\n}\n");
    editor.tell("workspace/didChangeWatchedFiles", json!({"changes": []}));
    editor.shows("main.cap.hcl", &["1:11 CAP0174"]);
    editor.leave();
}

#[test]
fn an_editor_that_goes_away_ends_it() {
    let mut editor = Editor::new(&[]);
    editor.tell("exit", Json::Null);
    assert_eq!(editor.child.wait().expect("an end").code(), Some(1), "exit without shutdown");
    let place = Place::new();
    assert_eq!(place.piped("lsp -stdio", "").code, 1);
}
