//! Codes of the shell: arguments, files, the environment: CAP07xx.

use super::codes;

codes! {
    701 UNREADABLE "File cannot be read": "The file does not exist, cannot be read, is too large, or is not UTF-8.";
    702 NO_CONFIGURATION "No configuration files": "The directory holds no file of the configuration, so there is nothing to plan; it is more likely that another directory was meant.";
    703 USAGE "Invalid arguments": "The command line asks for something that does not fit together.";
    704 INTERRUPTED "Interrupted": "The command was stopped before its end. Everything done so far is recorded; run it again, or go on with `cap jobs resume`.";
    705 NOT_CONFIRMED "Not confirmed": "The question was not answered with yes, so nothing was done.";
    706 SECRET_UNREADABLE "Secret cannot be read": "A secret that the configuration refers to is not there or may not be read. Plan needs it to see whether it changed, apply needs it to use it; it is never shown or kept in clear.";
    708 UNWRITABLE "File cannot be written": "The file or directory cannot be written: it is read-only, the disk is full, or a name on the way does not exist. Files are written whole under another name and then renamed, so nothing is left by halves.";
    709 NOT_ENFORCED "Not enforced yet": "The estate asks for something that this version of cap reads and records but does not enforce: approvals, or roles of members in projects. Going on would pretend that it was checked, so apply refuses.";
    710 UNKNOWN_TOKEN "Unknown token": "CAP_TOKEN holds a token that belongs to no member of the store, so nobody could be named as the one who acts.";
    711 NO_RUNTIME "Cannot start": "The operating system refused what the program needs to run: threads, signals or memory.";
    712 NOT_CANCELLED "Job cannot be cancelled": "A job can be withdrawn before it begins. One that has begun is brought to its end instead, so that nothing it did outside stays behind.";
    713 TIMELINE_BROKEN "Timeline broken": "The chain of entries about an object is not what was once sealed: somebody edited, removed, exchanged or added entries without the keys, or put an older copy of the store back.";
    714 CHECKPOINT_REFUSED "Checkpoint refused": "The file is not a checkpoint that this store has signed, or it was changed since, so nothing can be concluded from it.";
    716 TARGETING "Resource targeting is in effect": "With -target or -exclude the plan covers a part of the configuration only. Terraform's users know the warning: applying parts again and again leads to estates that nobody has planned as a whole.";
    715 JSON_SYNTAX "JSON form not supported": "Configuration and variable files are read in the native form of the language. A file in the JSON form is refused, because passing over it would change what the estate is.";
}
