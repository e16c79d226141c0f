// One pass of Sisimai (Go) over packed messages for each line on standard input; prints CPU seconds. See reader.py.
// Copied into a folder of the checkout of libsisimai.org/sisimai/v5 and built there.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"

	sisimai "libsisimai.org/sisimai/v5"
	"libsisimai.org/sisimai/v5/fact"
	"libsisimai.org/sisimai/v5/moji"
	"libsisimai.org/sisimai/v5/sis"
)

func used() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	mails := []string{}
	for at := 0; at < len(data); {
		size := int(binary.BigEndian.Uint64(data[at:]))
		mails = append(mails, string(data[at+8:at+8+size]))
		at += 8 + size
	}
	fmt.Println("ready Sisimai", sisimai.Version())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		began := used()
		for _, mail := range mails {
			copied := mail
			moji.ToLF(&copied)
			fact.Rise(&copied, "", &sis.DecodingArgs{Delivered: true, Vacation: true})
		}
		fmt.Println(used() - began)
	}
}
