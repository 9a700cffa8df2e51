// Generated from crds/ by `node tools/generate-api.ts`. Do not edit.

import type { Schema } from "./schema.ts";

/** What the definitions say of each kind, without words and rules. */
export const SCHEMAS: Readonly<Record<"SSHKey" | "AuthorizedKeys", Schema>> = {
  "SSHKey": {
    "type": "object",
    "required": [
      "spec"
    ],
    "properties": {
      "apiVersion": {
        "type": "string"
      },
      "kind": {
        "type": "string"
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "type": "object",
        "required": [
          "user",
          "key"
        ],
        "properties": {
          "user": {
            "type": "string",
            "maxLength": 253
          },
          "key": {
            "type": "string",
            "maxLength": 16384
          },
          "title": {
            "type": "string",
            "maxLength": 255
          },
          "options": {
            "type": "array",
            "maxItems": 32,
            "items": {
              "type": "string",
              "maxLength": 1024
            }
          },
          "expiresAt": {
            "type": "string",
            "maxLength": 64
          },
          "disabled": {
            "type": "boolean"
          },
          "proof": {
            "type": "string",
            "maxLength": 16384
          }
        }
      },
      "status": {
        "type": "object",
        "default": {
          "observedGeneration": -1
        },
        "properties": {
          "type": {
            "type": "string"
          },
          "length": {
            "type": "integer"
          },
          "fingerprint": {
            "type": "string"
          },
          "fingerprintMD5": {
            "type": "string"
          },
          "comment": {
            "type": "string"
          },
          "proof": {
            "type": "object",
            "required": [
              "touched",
              "userVerified"
            ],
            "properties": {
              "touched": {
                "type": "boolean"
              },
              "userVerified": {
                "type": "boolean"
              }
            }
          },
          "secretName": {
            "type": "string"
          },
          "duplicateOf": {
            "type": "object",
            "required": [
              "name",
              "namespace"
            ],
            "properties": {
              "name": {
                "type": "string"
              },
              "namespace": {
                "type": "string"
              }
            }
          },
          "claimedSince": {
            "type": "string"
          },
          "lastUsed": {
            "type": "object",
            "required": [
              "time",
              "source",
              "fingerprint"
            ],
            "properties": {
              "time": {
                "type": "string"
              },
              "source": {
                "type": "string",
                "maxLength": 256
              },
              "fingerprint": {
                "type": "string",
                "maxLength": 128
              }
            }
          },
          "observedGeneration": {
            "type": "integer"
          },
          "conditions": {
            "type": "array",
            "keys": [
              "type"
            ],
            "items": {
              "type": "object",
              "required": [
                "type",
                "status",
                "lastTransitionTime",
                "reason",
                "message"
              ],
              "properties": {
                "type": {
                  "type": "string",
                  "maxLength": 316
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "True",
                    "False",
                    "Unknown"
                  ]
                },
                "observedGeneration": {
                  "type": "integer"
                },
                "lastTransitionTime": {
                  "type": "string"
                },
                "reason": {
                  "type": "string",
                  "maxLength": 1024
                },
                "message": {
                  "type": "string",
                  "maxLength": 32768
                }
              }
            }
          }
        }
      }
    }
  },
  "AuthorizedKeys": {
    "type": "object",
    "required": [
      "spec"
    ],
    "properties": {
      "apiVersion": {
        "type": "string"
      },
      "kind": {
        "type": "string"
      },
      "metadata": {
        "type": "object"
      },
      "spec": {
        "type": "object",
        "properties": {
          "secretName": {
            "type": "string",
            "maxLength": 253
          },
          "from": {
            "type": "array",
            "maxItems": 32,
            "items": {
              "type": "object",
              "properties": {
                "namespace": {
                  "type": "string",
                  "maxLength": 63
                },
                "namespaceSelector": {
                  "type": "object",
                  "required": [
                    "matchLabels"
                  ],
                  "properties": {
                    "matchLabels": {
                      "type": "object",
                      "maxProperties": 16,
                      "additionalProperties": {
                        "type": "string",
                        "maxLength": 63
                      }
                    }
                  }
                },
                "users": {
                  "type": "array",
                  "maxItems": 512,
                  "items": {
                    "type": "string",
                    "maxLength": 253
                  }
                }
              }
            }
          },
          "identity": {
            "type": "string",
            "enum": [
              "ByNamespace",
              "ByName"
            ],
            "default": "ByNamespace"
          },
          "layout": {
            "type": "string",
            "enum": [
              "FilePerLogin",
              "SingleFile"
            ],
            "default": "FilePerLogin"
          },
          "logins": {
            "type": "object",
            "properties": {
              "rule": {
                "type": "string",
                "enum": [
                  "User",
                  "LocalPart"
                ],
                "default": "User"
              },
              "map": {
                "type": "array",
                "maxItems": 256,
                "keys": [
                  "namespace",
                  "user"
                ],
                "items": {
                  "type": "object",
                  "required": [
                    "user",
                    "login"
                  ],
                  "properties": {
                    "namespace": {
                      "type": "string",
                      "default": "",
                      "maxLength": 63
                    },
                    "user": {
                      "type": "string",
                      "maxLength": 253
                    },
                    "login": {
                      "type": "string",
                      "maxLength": 253
                    }
                  }
                }
              }
            }
          },
          "options": {
            "type": "array",
            "maxItems": 32,
            "items": {
              "type": "string",
              "maxLength": 1024
            }
          }
        }
      },
      "status": {
        "type": "object",
        "default": {
          "observedGeneration": -1
        },
        "properties": {
          "secretName": {
            "type": "string"
          },
          "userCount": {
            "type": "integer"
          },
          "keyCount": {
            "type": "integer"
          },
          "omitted": {
            "type": "array",
            "maxItems": 50,
            "items": {
              "type": "object",
              "required": [
                "reason",
                "message"
              ],
              "properties": {
                "namespace": {
                  "type": "string"
                },
                "user": {
                  "type": "string"
                },
                "sshKey": {
                  "type": "string"
                },
                "reason": {
                  "type": "string"
                },
                "message": {
                  "type": "string"
                }
              }
            }
          },
          "omittedCount": {
            "type": "integer"
          },
          "blockedRemovals": {
            "type": "integer"
          },
          "observedGeneration": {
            "type": "integer"
          },
          "conditions": {
            "type": "array",
            "keys": [
              "type"
            ],
            "items": {
              "type": "object",
              "required": [
                "type",
                "status",
                "lastTransitionTime",
                "reason",
                "message"
              ],
              "properties": {
                "type": {
                  "type": "string",
                  "maxLength": 316
                },
                "status": {
                  "type": "string",
                  "enum": [
                    "True",
                    "False",
                    "Unknown"
                  ]
                },
                "observedGeneration": {
                  "type": "integer"
                },
                "lastTransitionTime": {
                  "type": "string"
                },
                "reason": {
                  "type": "string",
                  "maxLength": 1024
                },
                "message": {
                  "type": "string",
                  "maxLength": 32768
                }
              }
            }
          }
        }
      }
    }
  }
};
