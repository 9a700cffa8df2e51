/** Passwords that are tried first, and the commonest English words, each once and in lower case; the likeliest first. */
export const COMMON_WORDS: readonly string[] = [
  ...new Set(
    `password 123456 12345678 123456789 12345 1234 1234567890 qwerty abc123 password1 admin root toor test guest letmein
welcome login master dragon monkey sunshine princess football baseball superman batman trustno1 iloveyou shadow michael
jennifer hunter2 hunter secret changeme default pass passw0rd p4ssw0rd passwd private public key ssh sshkey sshd openssh
id_rsa id_ed25519 ed25519 ecdsa rsa seed random nonce salt entropy privatekey publickey secretkey mykey mysecret
supersecret topsecret hello helloworld foo bar baz foobar qux quux lorem ipsum example sample demo testing test1 test123
testkey user username alice bob carol dave eve mallory trent satoshi bitcoin ethereum blockchain wallet nakamoto vagrant
ubuntu debian centos fedora redhat suse alpine linux windows macos android docker kubernetes k8s minikube cluster node
server client host localhost router switch firewall cisco ubnt raspberry raspberrypi pi oracle postgres mysql mongodb
redis apache nginx tomcat jenkins gitlab github git svn ansible puppet chef terraform hashicorp amazon aws ec2-user azure
google gcp cloud operator administrator support service system manager backup deploy deployer build builder ci nobody www
web ftp mail email smtp dns dhcp ntp snmp ldap kerberos radius vpn proxy gateway monitor monitoring nagios zabbix
grafana prometheus elastic kibana splunk logger syslog qwerty123 qwertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm
1q2w3e4r 1qaz2wsx qazwsx q1w2e3r4 000000 111111 121212 123123 123321 222222 333333 444444 555555 654321 666666 696969
777777 7777777 888888 88888888 987654321 999999 112233 159753 147258369 aaaaaa abcdef abcdefg abcd1234 a1b2c3 admin123
admin1 root123 pass123 pass1234 password123 password12 welcome1 letmein1 iloveyou1 monkey1 charlie donald george jordan
harley ranger buster soccer hockey killer andrew thomas robert daniel joshua matthew ashley nicole jessica amanda
michelle summer winter spring autumn ginger pepper cheese cookie banana orange purple silver golden diamond freedom
whatever computer internet network starwars pokemon matrix phoenix mustang corvette ferrari mercedes yankees cowboys
lakers arsenal chelsea liverpool barcelona flower butterfly maggie tigger snoopy merlin gandalf frodo hobbit wizard
dallas austin london paris berlin madrid moscow tokyo boston chicago yellow access thunder lightning cheater loveme love
lover angel angels heaven jesus christ god devil satan money business lucky thx1138 zaq12wsx solo nothing biteme fuckyou
pussy sexy asshole fuck shit none null nil undefined true false yes no zero one two three four five six seven eight nine
ten eleven twelve hundred thousand million billion a b c d e f g h i j k l m n o p q r s t u v w x y z aa aaa aaaa abc
xyz 0 1 2 3 4 5 6 7 8 9 10 42 007 123 1337 31337 leet deadbeef cafebabe cafe beef dead feedface badc0de c0ffee
the be to of and in that have it for not on with he as you do at this but his by from they we say her she or an will my
all would there their what so up out if about who get which go me when make can like time just him know take people into
year your good some could them see other than then now look only come its over think also back after use how our work
first well way even new want because any these give day most us is are was were been has had did said does done made
went gone took taken came got gotten saw seen knew known thought told found felt became left put meant kept let began
begun seemed helped talked turned started showed heard played ran moved lived believed held brought happened wrote
written provided sat stood lost paid met included continued set learned changed led understood watched followed stopped
created spoke read allowed added spent grew opened walked won offered remembered loved considered appeared bought waited
served died sent expected built stayed fell cut reached killed remained suggested raised passed sold required reported
decided pulled man woman child world school state family student group country problem hand part place case week company
program question government number night point home water room mother area story fact month lot right study book eye job
word issue side kind head house friend father power hour game line end member law car city community name president team
minute idea kid body information nothing parent face others level office door health person art war history party result
change morning reason research girl guy moment air teacher force education foot boy age policy music book market sense
nation plan college interest death experience effect class control field development role effort rate heart drug show
leader light voice wife whole police mind price report decision son view relationship town road arm difference value
building action season society tax director position player record paper space ground form event official matter center
couple site project activity star table need court oil situation cost industry figure street image phone data picture
practice piece land product doctor wall patient worker news movie north love south east west different same big small
large great high low old young long short little early late important few public bad able best better sure free real hard
strong possible white black red blue green brown gray pink special clear open close simple easy recent certain personal
full half empty hot cold warm cool dark bright deep wide narrow thick thin heavy soft loud quiet fast slow quick sharp
flat round square straight clean dirty dry wet rich poor cheap expensive happy sad angry afraid alone dead alive sick
healthy safe dangerous common rare strange normal natural human social national local federal military political
economic medical legal religious international american english french german spanish chinese japanese russian indian
apple bread butter coffee tea milk sugar salt meat fish chicken beef egg fruit vegetable potato tomato onion garlic rice
pasta pizza soup salad cake chocolate candy juice beer wine whiskey dog cat horse cow pig sheep goat bird eagle lion
tiger bear wolf fox rabbit mouse rat snake frog turtle shark whale dolphin spider ant bee tree grass leaf rose forest
river lake ocean sea mountain hill valley island beach desert sun moon earth mars venus jupiter saturn planet galaxy
universe sky cloud rain snow wind storm fire ice stone rock sand metal iron steel gold copper wood glass plastic cotton
leather monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december today tomorrow yesterday always never sometimes often again already still yet soon
later before until while since during through between against without within under above below near far here where why
guitar piano drum violin dance song singer film camera radio television magazine newspaper letter pencil pen desk chair
bed window floor roof kitchen bathroom bedroom garden garage bridge airport station train bus plane ship boat bicycle
truck engine wheel hammer knife fork spoon plate cup bottle box bag shirt shoe hat coat dress ring watch clock king
queen prince knight castle sword shield magic ghost monster vampire zombie robot alien ninja pirate samurai soldier
captain general chief boss`.split(/\s+/),
  ),
];
