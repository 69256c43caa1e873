package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"imagekeeper/scripts/build/bootstrap"
	"imagekeeper/scripts/release/pack"
	"imagekeeper/scripts/release/version"
)

// The files that a release writes, below the root.
const (
	versionFile = "shared/function/version.go"
	changelog   = "CHANGELOG.md"
	sums        = "SHA256SUMS"
)

// run makes a release of the module in root.
func run(ctx context.Context, out io.Writer, root, wanted string) error {
	source, err := os.ReadFile(filepath.Join(root, versionFile))
	if err != nil {
		return err
	}
	now, err := version.Of(string(source))
	if err != nil {
		return err
	}
	if wanted != "" {
		if err := clean(ctx, root); err != nil {
			return err
		}
		if err := write(root, string(source), wanted, time.Now()); err != nil {
			return err
		}
		if err := command(ctx, out, root, "go", "run", "./scripts/build", "-openapi", "write"); err != nil {
			return err
		}
		now = wanted
	}
	folder := filepath.Join(root, ".build", "release", now)
	if err := packages(ctx, out, root, folder); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s and the packages are of version %s\n", folder, sums, now)
	if wanted != "" {
		fmt.Fprintf(out, "look at the changes, then:\n  git commit -am 'version %[1]s'\n  git tag -a v%[1]s -m 'version %[1]s'\n  git push --follow-tags\n", now)
	}
	return nil
}

// clean fails unless everything is committed: a release is of what others can get.
func clean(ctx context.Context, root string) error {
	status := exec.CommandContext(ctx, "git", "status", "--porcelain")
	status.Dir = root
	said, err := status.Output()
	if err != nil {
		return fmt.Errorf("git status: %w", err)
	}
	if changed := strings.TrimSpace(string(said)); changed != "" {
		return fmt.Errorf("commit first; not committed is:\n%s", changed)
	}
	return nil
}

// write writes the version and its heading; neither is written if one cannot be.
func write(root, source, wanted string, now time.Time) error {
	log, err := os.ReadFile(filepath.Join(root, changelog))
	if err != nil {
		return err
	}
	nextLog, err := version.Changelog(string(log), wanted, now)
	if err != nil {
		return err
	}
	next, err := version.Next(source, wanted)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, versionFile), []byte(next), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, changelog), []byte(nextLog), 0o600)
}

// packages builds every function and packs it, with the descriptors and the document
// beside, and the sums of all.
func packages(ctx context.Context, out io.Writer, root, folder string) error {
	names, err := bootstrap.Functions(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	var lines strings.Builder
	add := func(name string, content []byte) error {
		sum := sha256.Sum256(content)
		fmt.Fprintf(&lines, "%s  %s\n", hex.EncodeToString(sum[:]), name)
		fmt.Fprintf(out, "%s  %.1f MB\n", filepath.Join(folder, name), float64(len(content))/1e6)
		return os.WriteFile(filepath.Join(folder, name), content, 0o600)
	}
	for _, name := range names {
		binary, err := bootstrap.Build(ctx, bootstrap.Order{
			Root: root, Package: "./functions/" + name, To: filepath.Join(folder, "bin", name), OS: "linux", Architecture: "amd64",
		})
		if err != nil {
			return err
		}
		content, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		packed, err := pack.Zip(pack.File{Name: bootstrap.Name, Content: content, Executable: true})
		if err != nil {
			return err
		}
		if err := add(name+".zip", packed); err != nil {
			return err
		}
	}
	for _, at := range []string{"s.yaml", "template.yml", "functions/openapi.json", "functions/roles.ros.json", "functions/reader.ros.json"} {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(at)))
		if err != nil {
			return err
		}
		if err := add(filepath.Base(at), content); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(folder, "bin")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, sums), []byte(lines.String()), 0o600)
}

// command runs a command in a folder, and lets it speak.
func command(ctx context.Context, out io.Writer, folder string, args ...string) error {
	run := exec.CommandContext(ctx, args[0], args[1:]...)
	run.Dir, run.Stdout, run.Stderr = folder, out, out
	if err := run.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}
