//! The protocol: which message leads to what, and in which state. Whatever is sent, the answer is an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};

use lsp_types::{
    CompletionOptions, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    HoverProviderCapability, InitializeParams, InitializeResult, OneOf, PublishDiagnosticsParams, SaveOptions,
    ServerCapabilities, ServerInfo, SignatureHelpOptions, TextDocumentIdentifier, TextDocumentPositionParams,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Url,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::Event;
use super::analyse::{Findings, Job};
use super::answer::Asked;
use super::document::Form;
use super::workspace::Workspace;
use super::{publish, wire};
use crate::diagnostic::Diagnostic;
use crate::eval::schema::Catalog;
use crate::limits;

// Codes of JSON-RPC and of the protocol.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const NOT_INITIALIZED: i32 = -32002;

/// Files that mean something when they change on disk.
const WATCHED: [&str; 5] = ["**/*.cap.hcl", "**/*.cap.json", "**/*.capvars", "**/*.tfvars", "**/.cap.lock.hcl"];

/// Why there is no answer: a code and a sentence.
type Refused = (i32, String);

#[derive(PartialEq, Eq)]
enum Phase {
    New,
    Ready,
    ShutDown,
}

/// One conversation.
pub(super) struct Server<W> {
    output: W,
    catalog: Catalog,
    jobs: Sender<Job>,
    workspace: Workspace,
    /// What analyses found last, by root module.
    found: BTreeMap<PathBuf, Vec<Diagnostic>>,
    /// Files that something is shown for.
    shown: BTreeSet<PathBuf>,
    phase: Phase,
    /// Whether the editor has places within what it writes.
    snippets: bool,
    /// Whether the editor can be asked to tell what changes on disk.
    watches: bool,
    /// Whether the editor is still there.
    heard: bool,
}

/// What all requests about a file begin with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutFile {
    text_document: TextDocumentIdentifier,
}

impl<W: Write> Server<W> {
    pub(super) fn new(output: W, catalog: Catalog, jobs: Sender<Job>) -> Self {
        Self {
            output,
            workspace: Workspace::new(catalog.clone()),
            catalog,
            jobs,
            found: BTreeMap::new(),
            shown: BTreeSet::new(),
            phase: Phase::New,
            snippets: false,
            watches: false,
            heard: true,
        }
    }

    /// Answers until the editor leaves; returns the exit code.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> u8 {
        while let Ok(event) = events.recv() {
            match event {
                Event::Message(Ok(message)) if message["method"] == "exit" => break,
                Event::Message(Ok(message)) => self.message(message),
                Event::Message(Err(why)) => self.respond(Json::Null, Err((PARSE_ERROR, why))),
                Event::Found(found) => self.take(found),
                Event::Closed => break,
            }
            if !self.heard {
                break;
            }
        }
        u8::from(self.phase != Phase::ShutDown)
    }

    fn message(&mut self, mut message: Json) {
        let id = message.get("id").cloned();
        let Some(method) = message.get("method").and_then(Json::as_str).map(str::to_owned) else {
            // An answer to nothing that was asked is nothing to answer.
            if !message.is_object() || (message.get("result").is_none() && message.get("error").is_none()) {
                self.respond(Json::Null, Err((INVALID_REQUEST, "this is no message".to_owned())));
            }
            return;
        };
        let params = message.get_mut("params").map(Json::take).unwrap_or(Json::Null);
        match id {
            Some(id) => {
                let answer = self.request(&method, params);
                self.respond(id, answer);
            }
            // What a notification says wrongly cannot be answered.
            None if self.phase == Phase::Ready => _ = self.notification(&method, params),
            None => {}
        }
    }

    fn respond(&mut self, id: Json, answer: Result<Json, Refused>) {
        self.send(match answer {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
            }
        });
    }

    fn send(&mut self, message: Json) {
        self.heard &= wire::write(&mut self.output, &message).is_ok();
    }

    fn request(&mut self, method: &str, params: Json) -> Result<Json, Refused> {
        match (&self.phase, method) {
            (Phase::New, "initialize") => self.initialize(params),
            (Phase::New, _) => Err((NOT_INITIALIZED, "initialize comes first".to_owned())),
            (_, "initialize") => Err((INVALID_REQUEST, "initialize comes once".to_owned())),
            (Phase::ShutDown, _) => Err((INVALID_REQUEST, "the server is shut down".to_owned())),
            (Phase::Ready, "shutdown") => {
                self.phase = Phase::ShutDown;
                Ok(Json::Null)
            }
            (Phase::Ready, method) => self.ask(method, params),
        }
    }

    fn initialize(&mut self, params: Json) -> Result<Json, Refused> {
        let params: InitializeParams = parsed(params)?;
        let completion = params.capabilities.text_document.and_then(|all| all.completion);
        let item = completion.and_then(|completion| completion.completion_item);
        self.snippets = item.and_then(|item| item.snippet_support).unwrap_or(false);
        let files = params.capabilities.workspace.and_then(|all| all.did_change_watched_files);
        self.watches = files.and_then(|files| files.dynamic_registration).unwrap_or(false);
        self.phase = Phase::Ready;
        result(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: "cap".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    /// Questions about a file.
    fn ask(&mut self, method: &str, params: Json) -> Result<Json, Refused> {
        let known = ["completion", "hover", "definition", "signatureHelp", "formatting", "documentSymbol"];
        let Some(what) = method.strip_prefix("textDocument/").filter(|what| known.contains(what)) else {
            return Err((METHOD_NOT_FOUND, format!("{method} is not offered")));
        };
        let AboutFile { text_document } = parsed(params.clone())?;
        let path = path(&text_document.uri)?;
        let Some(document) = self.workspace.documents.get(&path) else { return Ok(Json::Null) };
        // In the JSON form there is nothing that this knows more of than the schema.
        if document.form == Form::Json && what != "documentSymbol" {
            return Ok(Json::Null);
        }
        let asked = Asked { workspace: &self.workspace, catalog: &self.catalog, path: &path, document };
        let place = || parsed::<TextDocumentPositionParams>(params).map(|about| about.position);
        match what {
            "completion" => result(asked.completion(place()?, self.snippets)),
            "hover" => result(asked.hover(place()?)),
            "definition" => result(asked.definition(place()?)),
            "signatureHelp" => result(asked.signature(place()?)),
            "formatting" => result(asked.formatting()),
            _ => result(asked.symbols()),
        }
    }

    fn notification(&mut self, method: &str, params: Json) -> Result<(), Refused> {
        match method {
            "textDocument/didOpen" => {
                let DidOpenTextDocumentParams { text_document: file } = parsed(params)?;
                bounded(&file.text)?;
                self.workspace.open(path(&file.uri)?, file.text, file.version);
            }
            "textDocument/didChange" => {
                let DidChangeTextDocumentParams { text_document: file, content_changes } = parsed(params)?;
                content_changes.iter().try_for_each(|change| bounded(&change.text))?;
                let Workspace { documents, reader, .. } = &mut self.workspace;
                let Some(document) = documents.get_mut(&path(&file.uri)?) else { return Ok(()) };
                document.change(content_changes, reader);
                document.version = Some(file.version);
            }
            "textDocument/didClose" => {
                let DidCloseTextDocumentParams { text_document: file } = parsed(params)?;
                self.workspace.close(&path(&file.uri)?);
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.workspace.refresh_all(),
            "initialized" if self.watches => return self.watch(),
            _ => return Ok(()),
        }
        // What does not parse is told at once, and what the files mean together as soon as it is known.
        self.show();
        self.analyse();
        Ok(())
    }

    /// Asks to be told what changes on disk.
    fn watch(&mut self) -> Result<(), Refused> {
        let watchers: Vec<Json> = WATCHED.iter().map(|pattern| json!({ "globPattern": pattern })).collect();
        let registration = json!({
            "id": "files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": { "watchers": watchers },
        });
        let params = json!({ "registrations": [registration] });
        self.send(json!({ "jsonrpc": "2.0", "id": "watch", "method": "client/registerCapability", "params": params }));
        Ok(())
    }

    fn analyse(&mut self) {
        let directories = self.workspace.open_directories();
        self.found.retain(|directory, _| directories.contains(directory));
        let job = directories.iter().map(|directory| self.workspace.tree(directory)).collect();
        // Without its thread there are no findings, and all else is answered.
        let _ = self.jobs.send(job);
    }

    fn take(&mut self, found: Findings) {
        let open = self.workspace.open_directories();
        self.found.extend(found.into_iter().filter(|(directory, _)| open.contains(directory)));
        self.show();
    }

    /// Shows the reports of all files, and takes back those of files that have none any more.
    fn show(&mut self) {
        let all = publish::all(&self.workspace, &self.found);
        let open = self.workspace.documents.iter().filter(|(_, document)| document.version.is_some());
        let files: BTreeSet<PathBuf> =
            open.map(|(path, _)| path).chain(all.keys()).chain(&self.shown).cloned().collect();
        for path in &files {
            let Ok(uri) = Url::from_file_path(path) else { continue };
            let version = self.workspace.documents.get(path).and_then(|document| document.version);
            let diagnostics = all.get(path).cloned().unwrap_or_default();
            let params = PublishDiagnosticsParams { uri, diagnostics, version };
            self.send(json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params }));
        }
        self.shown = all.into_keys().collect();
    }
}

fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    let characters = |all: &[&str]| Some(all.iter().map(|one| (*one).to_owned()).collect());
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: characters(&[".", "\"", "{"]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: characters(&["(", ","]),
            ..SignatureHelpOptions::default()
        }),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    }
}

fn parsed<T: DeserializeOwned>(params: Json) -> Result<T, Refused> {
    serde_json::from_value(params).map_err(|fault| (INVALID_PARAMS, fault.to_string()))
}

fn result(answer: impl serde::Serialize) -> Result<Json, Refused> {
    serde_json::to_value(answer).map_err(|fault| (INVALID_REQUEST, fault.to_string()))
}

/// The file behind a URI; only files are served.
fn path(uri: &Url) -> Result<PathBuf, Refused> {
    uri.to_file_path().map_err(|()| (INVALID_PARAMS, format!("{uri} is no file")))
}

fn bounded(text: &str) -> Result<(), Refused> {
    if text.len() <= limits::SOURCE_BYTES {
        return Ok(());
    }
    Err((INVALID_PARAMS, format!("a file has at most {} bytes", limits::SOURCE_BYTES)))
}
