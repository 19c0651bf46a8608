//! Codes of the shell: arguments, files, the environment: CAP07xx.

use super::codes;

codes! {
    701 UNREADABLE "File cannot be read": "The file does not exist, cannot be read, is too large, or is not UTF-8.";
    702 NO_CONFIGURATION "No configuration files": "The directory holds no file of the configuration, so there is nothing to plan; it is more likely that another directory was meant.";
    703 USAGE "Invalid arguments": "The command line asks for something that does not fit together.";
    704 INTERRUPTED "Interrupted": "The command was stopped before its end. Everything done so far is recorded; run it again, or go on with `cap jobs resume`.";
    705 NOT_CONFIRMED "Not confirmed": "The question was not answered with yes, so nothing was done.";
}
