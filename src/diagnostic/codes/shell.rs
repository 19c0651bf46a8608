//! Codes of the shell: arguments, files, the environment: CAP07xx.

use super::codes;

codes! {
    701 UNREADABLE "File cannot be read": "The file does not exist, cannot be read, is too large, or is not UTF-8.";
}
