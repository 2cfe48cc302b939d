// Package pki issues certificates for the databases of labs and tests.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Files are the paths of a private key, its certificate, and the authority's certificate, all PEM.
type Files struct {
	PrivateKey, Certificate, CACert string
}

// Authority signs certificates. Its key is only in memory.
type Authority struct {
	dir, name string
	key       *ecdsa.PrivateKey
	cert      *x509.Certificate
}

// validity of an authority, and the time before now from which certificates count, for clocks that are slow.
const (
	validity = 10 * 365 * 24 * time.Hour
	leeway   = 48 * time.Hour
)

// New makes an authority that keeps its files in a directory, which it makes where it is missing.
func New(dir, name string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of %s: %w", name, err)
	}
	a := &Authority{dir: dir, name: name, key: key}
	template, err := newTemplate(name, validity)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	text, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate of %s: %w", name, err)
	}
	if a.cert, err = x509.ParseCertificate(text); err != nil {
		return nil, fmt.Errorf("parse certificate of %s: %w", name, err)
	}
	return a, write(a.CACert(), "CERTIFICATE", text)
}

// CACert is the path of the authority's certificate.
func (a *Authority) CACert() string { return filepath.Join(a.dir, a.name+"-cacert.pem") }

// Issue makes a key, and a certificate for it with a common name that expires after some time (in the past: if that is
// negative). Files of the same name are replaced.
func (a *Authority) Issue(name string, expiry time.Duration) (Files, error) {
	files := Files{
		PrivateKey:  filepath.Join(a.dir, name+"-privkey.pem"),
		Certificate: filepath.Join(a.dir, name+"-cert.pem"),
		CACert:      a.CACert(),
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Files{}, fmt.Errorf("make key of %s: %w", name, err)
	}
	template, err := newTemplate(name, expiry)
	if err != nil {
		return Files{}, err
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Files{}, fmt.Errorf("sign certificate of %s: %w", name, err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Files{}, fmt.Errorf("encode key of %s: %w", name, err)
	}
	if err := write(files.PrivateKey, "PRIVATE KEY", secret); err != nil {
		return Files{}, err
	}
	return files, write(files.Certificate, "CERTIFICATE", cert)
}

func newTemplate(name string, expiry time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-leeway), NotAfter: now.Add(expiry),
	}, nil
}

func write(path, kind string, content []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", kind, err)
	}
	return nil
}
