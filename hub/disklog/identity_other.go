//go:build !linux

package disklog

import (
	"fmt"
	"os"
	"reflect"
)

// identity returns what tells a file from a copy of it, "" where nothing does: its inode
// number and, where the system tells it, when it was born.
func identity(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	s := reflect.Indirect(reflect.ValueOf(info.Sys()))
	if s.Kind() != reflect.Struct {
		return ""
	}
	text := ""
	for _, name := range []string{"Ino", "Birthtimespec", "CreationTime"} { // BSD and macOS, Windows
		if field := s.FieldByName(name); field.IsValid() {
			text += fmt.Sprint(field.Interface(), " ")
		}
	}
	return text
}
