package syaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// node is a value of the file: a mapping, a list, or a scalar. Aliases are
// already replaced by what they stand for.
type node struct {
	kind         nodeKind
	text         string // of a scalar
	tag          string // of a scalar: !!str, !!int, !!float, !!bool, !!null
	keys         []string
	fields       map[string]*node
	items        []*node
	broken       []string // keys of a mapping whose value was reported already
	line, column int
}

type nodeKind int

const (
	scalar nodeKind = iota
	mapping
	list
)

func (n *node) what() string {
	switch {
	case n.kind == mapping:
		return "a mapping"
	case n.kind == list:
		return "a list"
	case n.tag == "!!str":
		return fmt.Sprintf("the string %q", n.text)
	}
	return n.text
}

// at returns a copy of n that stands where other stands.
func (n *node) at(other *node) *node {
	moved := *n
	moved.line, moved.column = other.line, other.column
	return &moved
}

func textNode(text string, at *node) *node {
	return &node{kind: scalar, text: text, tag: "!!str", line: at.line, column: at.column}
}

// set adds or replaces a field of a mapping.
func (n *node) set(key string, value *node) {
	if _, there := n.fields[key]; !there {
		n.keys = append(n.keys, key)
	}
	n.fields[key] = value
}

// plant turns parsed YAML into nodes; it replaces aliases, drops nulls as
// Serverless Devs does, and gives up on what is too deep or too much.
type planter struct {
	report *report
	nodes  int
}

func (p *planter) plant(from *yaml.Node, depth int) *node {
	p.nodes++
	if depth > maxDepth || p.nodes > maxNodes {
		p.report.add(from.Line, from.Column, "the file is nested deeper than %d or holds more than %d values", maxDepth, maxNodes)
		return nil
	}
	switch from.Kind {
	case yaml.AliasNode:
		return p.plant(from.Alias, depth+1)
	case yaml.MappingNode:
		return p.mapping(from, depth)
	case yaml.SequenceNode:
		out := &node{kind: list, line: from.Line, column: from.Column}
		for _, item := range from.Content {
			if n := p.plant(item, depth+1); n != nil {
				out.items = append(out.items, n)
			}
			if p.nodes > maxNodes {
				break
			}
		}
		return out
	}
	return p.scalar(from)
}

func (p *planter) mapping(from *yaml.Node, depth int) *node {
	out := &node{kind: mapping, fields: map[string]*node{}, line: from.Line, column: from.Column}
	for i := 0; i+1 < len(from.Content) && p.nodes <= maxNodes; i += 2 {
		key := from.Content[i]
		switch _, there := out.fields[key.Value]; {
		case key.ShortTag() == "!!merge":
			p.report.add(key.Line, key.Column, "merge keys (<<) are not supported; use template and extend")
			continue
		case key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" || key.Value == "":
			p.report.add(key.Line, key.Column, "a key must be a plain word")
			continue
		case there:
			p.report.add(key.Line, key.Column, "the key %q stands here twice", key.Value)
			continue
		}
		if n := p.plant(from.Content[i+1], depth+1); n != nil {
			out.set(key.Value, n)
		}
	}
	return out
}

func (p *planter) scalar(from *yaml.Node) *node {
	switch tag := from.ShortTag(); tag {
	case "!!null":
		return nil
	case "!!str", "!!int", "!!float", "!!bool":
		return &node{kind: scalar, text: from.Value, tag: tag, line: from.Line, column: from.Column}
	case "!!timestamp":
		return &node{kind: scalar, text: from.Value, tag: "!!str", line: from.Line, column: from.Column}
	default:
		p.report.add(from.Line, from.Column, "values tagged %s are not supported", tag)
		return nil
	}
}

// parseTree parses one document. Compact JSON is YAML, so it serves json() too.
func parseTree(src []byte, r *report) *node {
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(src))
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		line := 1
		if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr != nil || line < 1 {
			line = 1
		}
		r.add(line, 1, "not YAML: %v", err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		r.add(1, 1, "the file is empty")
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		r.add(max(more.Line, 1), 1, "there must be one document and nothing after it")
	}
	p := planter{report: r}
	return p.plant(doc.Content[0], 0)
}
