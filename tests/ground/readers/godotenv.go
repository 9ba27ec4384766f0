// The Go reader godotenv. Reads paths on stdin and prints one line of JSON for each on stdout.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"github.com/joho/godotenv"
)

func main() {
	os.Clearenv()
	out := json.NewEncoder(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		found, err := godotenv.Read(in.Text())
		if err != nil {
			out.Encode(map[string]string{"error": err.Error()})
		} else {
			out.Encode(map[string]interface{}{"ok": found})
		}
	}
}
