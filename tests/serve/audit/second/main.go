// A second verifier of audit logs, which shares no line with the first: it stands on golang.org/x/mod/sumdb, which
// checks Go's own module log. Each line of its input asks about one log, {"folder", "vkey", "against": [file, ...]};
// each line of its output answers, {"size", "root", "fault"}; fault is empty when nothing is wrong.
//
// It checks the signature of the checkpoint, that every tile belongs to the root, that every record has the digest
// that the tiles say, the proof of inclusion of some records, and the proof of consistency with each checkpoint that
// was kept elsewhere.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of tiles, fixed by c2sp.org/tlog-tiles

type question struct {
	Folder  string   `json:"folder"`
	Vkey    string   `json:"vkey"`
	Against []string `json:"against"`
}

type answer struct {
	Size  int64  `json:"size"`
	Root  string `json:"root"`
	Fault string `json:"fault"`
}

func main() {
	input, output := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		var asked question
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		tree, err := check(asked)
		said := answer{Size: tree.N, Root: tree.Hash.String()}
		if err != nil {
			said.Fault = err.Error()
		}
		if err := output.Encode(said); err != nil {
			os.Exit(2)
		}
	}
}

func check(asked question) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(asked.Vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := checkpoint(filepath.Join(asked.Folder, "checkpoint"), verifier)
	if err != nil {
		return tree, err
	}
	hashes := tlog.TileHashReader(tree, files(asked.Folder))
	if err := records(asked.Folder, tree, hashes); err != nil {
		return tree, err
	}
	for place := int64(0); place < tree.N; place += 1 + tree.N/7 {
		if err := included(tree, hashes, place); err != nil {
			return tree, err
		}
	}
	for _, file := range asked.Against {
		old, err := checkpoint(file, verifier)
		if err != nil {
			return tree, err
		}
		if err := extends(tree, old, hashes); err != nil {
			return tree, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return tree, nil
}

// checkpoint reads a signed note of three lines: which log, how many records, and the root.
func checkpoint(file string, verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return tlog.Tree{}, errors.New("no size")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("no root")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// records hashes every record and compares with the tiles, which the reader has compared with the root.
func records(folder string, tree tlog.Tree, hashes tlog.HashReader) error {
	for number := int64(0); number<<height < tree.N; number++ {
		width := tree.N - number<<height
		if width > 1<<height {
			width = 1 << height
		}
		data, err := read(folder, "entries", number, int(width))
		if err != nil {
			return err
		}
		var indexes []int64
		for place := int64(0); place < width; place++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, number<<height+place))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for place, leaf := range leaves {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("bundle %d ends within its record %d", number, place)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			if tlog.RecordHash(data[2:end]) != leaf {
				return fmt.Errorf("record %d is another one", number<<height+int64(place))
			}
			data = data[end:]
		}
		if len(data) != 0 {
			return fmt.Errorf("bundle %d is too long", number)
		}
	}
	return nil
}

func included(tree tlog.Tree, hashes tlog.HashReader, place int64) error {
	proof, err := tlog.ProveRecord(tree.N, place, hashes)
	if err != nil {
		return err
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, place)})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, place, leaf[0])
}

func extends(tree, old tlog.Tree, hashes tlog.HashReader) error {
	if old.N == 0 {
		return nil
	}
	if old.N > tree.N {
		return fmt.Errorf("it says %d records, the log has %d", old.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
}

// files reads tiles where c2sp.org/tlog-tiles says that they lie.
type files string

func (folder files) Height() int { return height }

func (folder files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := read(string(folder), strconv.Itoa(tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (folder files) SaveTiles([]tlog.Tile, [][]byte) {}

func read(folder, level string, number int64, width int) ([]byte, error) {
	path := fmt.Sprintf("%03d", number%1000)
	for number /= 1000; number > 0; number /= 1000 {
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	if width < 1<<height {
		path += ".p/" + strconv.Itoa(width)
	}
	return os.ReadFile(filepath.Join(folder, "tile", level, filepath.FromSlash(path)))
}
