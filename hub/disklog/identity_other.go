//go:build !linux

package disklog

import (
	"fmt"
	"os"
	"reflect"
)

// identity returns a string that differs between a file and any copy of it, "" if the system offers none: its inode
// number and, if known, its time of birth.
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
