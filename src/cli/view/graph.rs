//! Drawings of what refers to what: DOT for Graphviz, and Mermaid for Markdown. Modules are clusters within each other. The
//! same drawing is the same text.

use std::fmt::Write as _;

/// What is drawn.
#[derive(Debug, Default)]
pub struct Drawing {
    /// Boxes, in the order they are drawn.
    pub boxes: Vec<Box>,
    /// Arrows from what needs to what is needed: indices of boxes.
    pub arrows: Vec<Arrow>,
}

/// One box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Box {
    /// The modules it lies in, from the outermost inwards: `module.m`.
    pub module: Vec<String>,
    /// Its address: the boxes of a drawing have different ones.
    pub address: String,
}

/// One arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// What needs.
    pub from: usize,
    /// What is needed.
    pub to: usize,
    /// Whether it is part of a circle.
    pub circular: bool,
}

/// What a language has for the parts of a drawing.
trait Pen {
    fn open(&mut self, depth: usize, name: &str, path: &[String]);
    fn close(&mut self, depth: usize);
    fn node(&mut self, depth: usize, at: usize, address: &str);
}

/// The drawing for Graphviz.
pub fn dot(drawing: &Drawing) -> String {
    let mut pen = Dot(String::from(
        "digraph {\n  compound = true\n  rankdir = \"RL\"\n  node [shape = \"rect\", fontname = \"sans-serif\"]\n",
    ));
    clusters(drawing, &mut pen);
    let Dot(mut out) = pen;
    for arrow in &drawing.arrows {
        let [from, to] = [arrow.from, arrow.to].map(|at| quoted(&drawing.boxes[at].address));
        let circular = if arrow.circular { " [color = \"red\"]" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {from} -> {to}{circular}");
    }
    out.push_str("}\n");
    out
}

/// The drawing for Mermaid.
pub fn mermaid(drawing: &Drawing) -> String {
    let mut pen = Mermaid { out: String::from("flowchart RL\n"), clusters: 0 };
    clusters(drawing, &mut pen);
    let mut out = pen.out;
    let mut circular = Vec::new();
    for (at, arrow) in drawing.arrows.iter().enumerate() {
        let _ = writeln!(out, "  n{} --> n{}", arrow.from, arrow.to);
        if arrow.circular {
            circular.push(at.to_string());
        }
    }
    if !circular.is_empty() {
        let _ = writeln!(out, "  linkStyle {} stroke:red", circular.join(","));
    }
    out
}

/// Draws the boxes, each within the clusters of its modules. Boxes of one module are drawn together.
fn clusters(drawing: &Drawing, pen: &mut dyn Pen) {
    let mut order: Vec<usize> = (0..drawing.boxes.len()).collect();
    order.sort_by(|a, b| drawing.boxes[*a].module.cmp(&drawing.boxes[*b].module));
    let mut open: &[String] = &[];
    for at in order {
        let one = &drawing.boxes[at];
        let shared = open.iter().zip(&one.module).take_while(|(a, b)| a == b).count();
        (shared..open.len()).rev().for_each(|depth| pen.close(depth));
        for depth in shared..one.module.len() {
            pen.open(depth, &one.module[depth], &one.module[..=depth]);
        }
        open = &one.module;
        pen.node(open.len(), at, &one.address);
    }
    (0..open.len()).rev().for_each(|depth| pen.close(depth));
}

struct Dot(String);

impl Pen for Dot {
    fn open(&mut self, depth: usize, name: &str, path: &[String]) {
        let id = quoted(&format!("cluster_{}", path.join(".")));
        let indent = "  ".repeat(depth + 1);
        let _ = writeln!(self.0, "{indent}subgraph {id} {{\n{indent}  label = {}", quoted(name));
    }

    fn close(&mut self, depth: usize) {
        let _ = writeln!(self.0, "{}}}", "  ".repeat(depth + 1));
    }

    fn node(&mut self, depth: usize, _: usize, address: &str) {
        let address = quoted(address);
        let _ = writeln!(self.0, "{}{address} [label = {address}]", "  ".repeat(depth + 1));
    }
}

/// A text in DOT: in quotes a backslash begins an escape of labels, so it is one too.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

struct Mermaid {
    out: String,
    clusters: usize,
}

impl Pen for Mermaid {
    fn open(&mut self, depth: usize, name: &str, _: &[String]) {
        let indent = "  ".repeat(depth + 1);
        let _ = writeln!(self.out, "{indent}subgraph m{}[\"{}\"]", self.clusters, entities(name));
        self.clusters += 1;
    }

    fn close(&mut self, depth: usize) {
        let _ = writeln!(self.out, "{}end", "  ".repeat(depth + 1));
    }

    fn node(&mut self, depth: usize, at: usize, address: &str) {
        let _ = writeln!(self.out, "{}n{at}[\"{}\"]", "  ".repeat(depth + 1), entities(address));
    }
}

/// A text in Mermaid: what could mean something there is an entity.
fn entities(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ' | '@' | '[' | ']' | '/') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing() -> Drawing {
        let one = |module: &[&str], address: &str| Box {
            module: module.iter().map(|name| (*name).to_owned()).collect(),
            address: address.to_owned(),
        };
        let key = "module.m[\"a\"]";
        Drawing {
            boxes: vec![one(&[key], "module.m[\"a\"].zone.z"), one(&[], "zone.\\"), one(&[key, "module.n"], "x")],
            arrows: vec![Arrow { from: 0, to: 1, circular: false }, Arrow { from: 2, to: 0, circular: true }],
        }
    }

    #[test]
    fn graphviz_reads_what_is_quoted() {
        assert_eq!(
            dot(&drawing()).split_once("sans-serif\"]\n").map(|(_, rest)| rest),
            Some(
                r#"  "zone.\\" [label = "zone.\\"]
  subgraph "cluster_module.m[\"a\"]" {
    label = "module.m[\"a\"]"
    "module.m[\"a\"].zone.z" [label = "module.m[\"a\"].zone.z"]
    subgraph "cluster_module.m[\"a\"].module.n" {
      label = "module.n"
      "x" [label = "x"]
    }
  }
  "module.m[\"a\"].zone.z" -> "zone.\\"
  "x" -> "module.m[\"a\"].zone.z" [color = "red"]
}
"#
            )
        );
    }

    #[test]
    fn mermaid_reads_entities() {
        assert_eq!(
            mermaid(&drawing()),
            r#"flowchart RL
  n1["zone.#92;"]
  subgraph m0["module.m[#34;a#34;]"]
    n0["module.m[#34;a#34;].zone.z"]
    subgraph m1["module.n"]
      n2["x"]
    end
  end
  n0 --> n1
  n2 --> n0
  linkStyle 1 stroke:red
"#
        );
    }
}
